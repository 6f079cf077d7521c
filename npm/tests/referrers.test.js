// @ts-check
/** What is said of an image: blobs by their descriptors, what refers to it, and what BuildKit attests. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { openImage } from "../dist/index.js";
import { Layout, MEDIA } from "./blobs.js";
import { portolan } from "./fixtures.js";
import { scratch } from "./scratch.js";
import { file } from "./tar.js";

/** @typedef {import("../dist/index.js").Descriptor} Descriptor */

const directory = scratch();
const AMD64 = { platform: "linux/amd64" };
const SPDX = "application/spdx+json";
const EMPTY = { mediaType: "application/vnd.oci.empty.v1+json", digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", size: 2 };

/** @param {Layout} layout @param {Descriptor} subject @param {string} artifactType @param {unknown} value */
function referrer(layout, { mediaType, digest, size }, artifactType, value) {
  layout.json(EMPTY.mediaType, {});
  const layers = [layout.json(artifactType, value)];
  const manifest = { schemaVersion: 2, mediaType: MEDIA.manifest, artifactType, config: EMPTY, layers, subject: { mediaType, digest, size }, annotations: { made: "here" } };
  return layout.json(MEDIA.manifest, manifest);
}

/** An image for two platforms, an attestation for each, an SBOM of one, a signature of the index and one of the SBOM. */
function signed() {
  const layout = new Layout();
  const images = ["linux/amd64", "linux/arm64"].map((platform) => layout.image({ platform, layers: [[file("etc/platform", platform)]] }));
  const attestations = images.map(({ digest }, index) => {
    const statement = layout.json("application/vnd.in-toto+json", { _type: "https://in-toto.io/Statement/v0.1", predicateType: "https://spdx.dev/Document", predicate: { index } });
    const layers = [{ ...statement, annotations: { "in-toto.io/predicate-type": "https://spdx.dev/Document" } }];
    const config = layout.json(MEDIA.config, { architecture: "unknown", os: "unknown", config: {}, rootfs: { type: "layers", diff_ids: [statement.digest] } });
    const annotations = { "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digest };
    return { ...layout.json(MEDIA.manifest, { schemaVersion: 2, mediaType: MEDIA.manifest, config, layers }), platform: { os: "unknown", architecture: "unknown" }, annotations };
  });
  const index = layout.index([...images, ...attestations]);
  const sbom = referrer(layout, images[0], SPDX, { spdxVersion: "SPDX-2.3" });
  const signature = referrer(layout, index, "application/vnd.test.signature", "yes");
  const signatureOfSbom = referrer(layout, sbom, "application/vnd.test.signature", "too");
  layout.tag(index, "1.0").tag(signature).tag(signatureOfSbom);
  // An SBOM stands where the referrers' fallback tag has it.
  layout.tag(layout.index([{ ...sbom, artifactType: SPDX }]), images[0].digest.replace(":", "-"));
  return { layout, images, attestations, index, sbom, signature, signatureOfSbom };
}

const { layout, images, attestations, index, sbom, signature, signatureOfSbom } = signed();
const written = await layout.write(join(directory, "signed"));

/** @type {Record<string, () => import("../dist/index.js").ImageSource>} */
const SOURCES = {
  "a layout": () => written,
  "an archive": () => layout.archive(),
  "a place of one's own": () => layout.source(),
};

/** @param {Descriptor[]} list */
const digests = (list) => list.map(({ digest }) => digest);

for (const [name, source] of Object.entries(SOURCES)) {
  test(`what refers to an image of ${name} is found by its digest, its index's, and by its type`, async () => {
    const image = await openImage(source(), { ...AMD64, tag: "1.0" });
    const found = await image.referrers();
    assert.deepEqual(found, [{ mediaType: MEDIA.manifest, digest: sbom.digest, size: sbom.size, artifactType: SPDX, annotations: { made: "here" } }]);
    assert.deepEqual(await image.referrers({ artifactType: SPDX }), found);
    assert.deepEqual(await image.referrers({ artifactType: "application/other" }), []);
    assert.deepEqual(digests(await image.referrers({ digest: index.digest })), [signature.digest]);
    assert.deepEqual(digests(await image.referrers({ digest: sbom.digest })), [signatureOfSbom.digest]);
    await assert.rejects(image.referrers({ digest: "nonsense" }), portolan("invalid-digest", "nonsense"));
    const arm = await image.select({ platform: "linux/arm64", tag: "1.0" });
    assert.deepEqual(await arm.referrers(), []);
    const about = await arm.select({ digest: sbom.digest });
    assert.deepEqual(JSON.parse(String(Buffer.from(await about.blob(about.layers[0])))), { spdxVersion: "SPDX-2.3" });
    for (const it of [about, arm, image]) await it.close();
  });

  test(`the attestations of an image of ${name} are those of its platform, and are opened and read`, async () => {
    const image = await openImage(source(), { ...AMD64, tag: "1.0" });
    const [found, ...others] = await image.attestations();
    assert.deepEqual([found?.digest, others], [attestations[0]?.digest, []]);
    const attestation = await image.select({ digest: String(found?.digest) });
    const [statement] = attestation.layers;
    assert.equal(statement?.annotations?.["in-toto.io/predicate-type"], "https://spdx.dev/Document");
    assert.equal(JSON.parse(String(Buffer.from(await image.blob(/** @type {Descriptor} */ (statement))))).predicate.index, 0);
    assert.deepEqual(await attestation.attestations(), []);
    // Whoever asks for the image alone, by its digest, learns of them as well.
    const alone = await openImage(source(), { digest: images[1].digest });
    assert.deepEqual(digests(await alone.attestations()), [attestations[1]?.digest]);
    for (const it of [alone, attestation, image]) await it.close();
  });

  test(`blobs of ${name} are given by their descriptors, as far as they are wanted`, async () => {
    const image = await openImage(source(), { ...AMD64, tag: "1.0" });
    const { config } = image.manifest;
    assert.deepEqual(await image.blob(config), image.rawConfig);
    assert.deepEqual(await image.blob(image.descriptor, { most: image.descriptor.size }), image.rawManifest);
    await assert.rejects(image.blob(config, { most: config.size - 1 }), portolan("limit-exceeded", config.digest, String(config.size)));
    await assert.rejects(image.blob({ ...config, size: 2 ** 40 }), portolan("limit-exceeded", config.digest));
    await assert.rejects(image.blob({ ...config, size: config.size + 1 }), portolan("size-mismatch", config.digest));
    await assert.rejects(image.blob({ ...config, size: config.size - 1 }), portolan("size-mismatch", config.digest));
    const gone = `sha256:${"0".repeat(64)}`;
    await assert.rejects(image.blob({ ...config, digest: gone }), portolan("blob-not-found", gone));
    await assert.rejects(image.blob(config, { signal: AbortSignal.abort("enough") }), (error) => error === "enough");
    await image.close();
  });
}

test("a blob that is not what its descriptor says is not given", async () => {
  const { layout } = signed();
  const image = await openImage(layout.source(), { ...AMD64, tag: "1.0" });
  const [layer] = image.layers;
  assert.ok(layer);
  layout.blobs.set(layer.digest, Buffer.alloc(layer.size));
  await assert.rejects(image.blob(layer), portolan("digest-mismatch", layer.digest));
  const large = layout.blob("application/octet-stream", Buffer.alloc(3_000_000, "large"));
  assert.equal((await image.blob(large)).length, large.size);
  await image.close();
});

test("what refers to what is read once, again after it failed, and what is not there refers to nothing", async () => {
  const { layout, sbom, images } = signed();
  let fail = true;
  let reads = 0;
  const bytes = layout.blobs.get(sbom.digest);
  const source = { ...layout.source(), read: (/** @type {Descriptor} */ { digest }) => {
    reads += 1;
    if (fail && digest === sbom.digest) throw new Error("the disk is gone");
    return layout.blobs.get(digest);
  } };
  const image = await openImage(source, { ...AMD64, tag: "1.0" });
  await assert.rejects(image.referrers(), /the disk is gone/);
  fail = false;
  const [first, second] = await Promise.all([image.referrers(), image.referrers()]);
  assert.deepEqual([digests(first), digests(second)], [[sbom.digest], [sbom.digest]]);
  const before = reads;
  assert.equal((await image.referrers({ digest: images[1].digest })).length, 0);
  assert.equal(reads, before);
  await image.close();
  layout.blobs.delete(sbom.digest);
  const poorer = await openImage(layout.source(), { ...AMD64, tag: "1.0" });
  assert.deepEqual(await poorer.referrers(), []);
  await poorer.close();
  layout.blobs.set(sbom.digest, Buffer.alloc(/** @type {Buffer} */ (bytes).length));
  const wrong = await openImage(layout.source(), { ...AMD64, tag: "1.0" });
  await assert.rejects(wrong.referrers(), portolan("digest-mismatch", sbom.digest));
  await wrong.close();
});

test("a reading of referrers is given up by whoever asks, and ends with the image", async () => {
  const { layout, sbom } = signed();
  const source = { ...layout.source(), read: (/** @type {Descriptor} */ { digest }) => (digest === sbom.digest ? new Promise(() => {}) : layout.blobs.get(digest)) };
  const image = await openImage(/** @type {any} */ (source), { ...AMD64, tag: "1.0" });
  const stop = new AbortController();
  setTimeout(() => stop.abort("enough"), 20);
  await assert.rejects(image.referrers({ signal: stop.signal }), (error) => error === "enough");
  await image.close();
});

test("nothing refers to an image of docker save", async () => {
  const { layout, images } = signed();
  const image = await openImage(layout.dockerArchive([images[0]], ["app:1.0"]), AMD64);
  assert.deepEqual([await image.referrers(), await image.attestations()], [[], []]);
  await image.close();
});
