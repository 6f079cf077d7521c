// @ts-check
/** Verifying images: every blob, every finding, and how far it is. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openImage } from "../dist/index.js";
import { Layout, MEDIA, sha256, single } from "./blobs.js";
import { DEMO } from "./demo.js";
import * as tars from "./tar.js";
import { all, ended, everyWay } from "./ways.js";

const AMD64 = { platform: "linux/amd64" };
const digests = readdirSync(join(DEMO, "blobs/sha256")).sort().map((name) => `sha256:${name}`);
/** @param {string} digest */
const blobOf = (digest) => readFileSync(join(DEMO, "blobs", digest.replace(":", "/")));

/** The demo image with some of its blobs changed. @param {Map<string, Uint8Array | undefined>} changed @returns {import("../dist/index.js").BlobSource} */
function demoWith(changed) {
  return {
    index: () => readFileSync(join(DEMO, "index.json")),
    read: ({ digest }) => (changed.has(digest) ? changed.get(digest) : blobOf(digest)),
  };
}

everyWay((way) => {
  test("the demo image is whole, and every byte of it is counted", async () => {
    const image = await openImage(DEMO, { ...way, ...AMD64 });
    /** @type {Map<string, number>} */
    const read = new Map();
    const { list, result } = await ended(
      image.verify({
        everything: true,
        onProgress: ({ digest, read: more, size }) => {
          read.set(digest, (read.get(digest) ?? 0) + more);
          assert.equal(size, blobOf(digest).length);
        },
      }),
    );
    assert.deepEqual(list, []);
    assert.deepEqual(result.findings, []);
    assert.deepEqual([result.errors, result.warnings], [0, 0]);
    assert.equal(result.documents + result.layers + result.blobs, digests.length);
    assert.equal(result.bytes, digests.reduce((sum, digest) => sum + blobOf(digest).length, 0));
    for (const [digest, bytes] of read) assert.equal(bytes, blobOf(digest).length, digest);
    assert.equal(read.size, result.layers + result.blobs);
    const alone = await ended(image.verify());
    assert.deepEqual([alone.result.documents, alone.result.layers], [2, 4]);
    await image.close();
  });

  test("a flipped bit in any blob is a finding that names it (D-*)", async () => {
    const image = await openImage(DEMO, { ...way, ...AMD64 });
    const documents = new Set([image.descriptor.digest, image.manifest.config.digest, ...image.indexes.map(({ digest }) => digest)]);
    await image.close();
    for (const [at, digest] of digests.entries()) {
      if (documents.has(digest)) continue;
      const bytes = Buffer.from(blobOf(digest));
      bytes[(at * 97) % bytes.length] ^= 1 << (at % 8);
      const damaged = await openImage(demoWith(new Map([[digest, bytes]])), { ...way, ...AMD64 });
      const { list, result } = await ended(damaged.verify({ everything: true }));
      const failures = list.filter(({ severity }) => severity === "failure");
      assert.deepEqual(failures.map((finding) => [finding.code, finding.digest]), [["digest-mismatch", digest]]);
      assert.equal(result.errors, 1);
      assert.deepEqual(result.findings, list);
      assert.match(failures[0].place, /^sha256:[0-9a-f]{64}\/(config|layers\/\d|manifests\/\d)$/);
      await damaged.close();
    }
  });

  test("a blob that is missing, cut, longer or cannot be read is a finding, and the others are verified", async () => {
    const image = await openImage(DEMO, { ...way, ...AMD64 });
    const [first, second, third, fourth] = image.layers.map(({ digest }) => digest);
    await image.close();
    const changed = new Map([
      [first, undefined],
      [second, blobOf(second).subarray(0, -1)],
      [third, Buffer.concat([blobOf(third), Buffer.from("x")])],
    ]);
    const damaged = await openImage(demoWith(changed), { ...way, ...AMD64 });
    const { list, result } = await ended(damaged.verify());
    const codes = new Map(list.map(({ digest, code }) => [digest, code]));
    assert.deepEqual([codes.get(first), codes.get(second), codes.get(third), codes.get(fourth)], ["blob-not-found", "size-mismatch", "size-mismatch", undefined]);
    assert.equal(result.errors, 3);
    await damaged.close();
  });

  test("a DiffID, a size and a media type that are not true are findings", async () => {
    const archive = tars.tar([tars.file("a", "1")]);
    const wrong = single({ layers: [archive], diffIds: [sha256(Buffer.from("other"))] });
    const image = await openImage(wrong.source(), { ...way, ...AMD64 });
    const findings = await all(image.verify());
    assert.deepEqual(findings.map(({ code, digest }) => [code, digest]), [["diff-id-mismatch", image.layers[0].digest]]);
    await image.close();

    const layout = new Layout();
    const layer = { ...layout.layer(archive), size: 7 };
    const config = layout.json(MEDIA.config, { os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [sha256(archive)] } });
    layout.tag(layout.json(MEDIA.manifest, { schemaVersion: 2, mediaType: MEDIA.manifest, config, layers: [layer] }));
    const sized = await openImage(layout.source(), { ...way, ...AMD64 });
    assert.deepEqual((await all(sized.verify())).map(({ code, digest }) => [code, digest]), [["size-mismatch", layer.digest]]);
    await sized.close();
  });

  test("what throws because of the place, and not of the image, ends the verification", async () => {
    const layout = single({ layers: [[tars.file("a", "1")]] });
    const [digest] = layout.archives.keys();
    const { index, read } = layout.source();
    const image = await openImage({ index, read: (descriptor) => (descriptor.digest === digest ? Promise.reject(new RangeError("mine")) : read(descriptor)) }, { ...way, ...AMD64 });
    await assert.rejects(all(image.verify()), { name: "RangeError", message: "mine" });
    await assert.rejects(image.tree(), { name: "RangeError" });
    await image.close();
  });

  test("an index inside an index is verified too, with everything", async () => {
    const layout = new Layout();
    const images = ["amd64", "arm64"].map((architecture) => layout.image({ layers: [[tars.file("a", architecture)]], platform: `linux/${architecture}` }));
    layout.tag(layout.index([layout.index(images)]), "nested");
    const [first, second] = layout.archives.keys();
    layout.blobs.set(second, Buffer.from("x"));
    const image = await openImage(layout.source(), { ...way, ...AMD64 });
    assert.equal(image.indexes.length, 2);
    assert.deepEqual(await all(image.verify()), []);
    const findings = await all(image.verify({ everything: true }));
    assert.deepEqual(findings.map(({ digest }) => digest), [second]);
    assert.notEqual(first, second);
    assert.equal((await image.platforms()).length, 2);
    await image.close();
  });
});
