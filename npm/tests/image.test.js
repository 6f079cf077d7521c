// @ts-check
/** Images, wherever they come from. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { listImages, openImage, toolkit } from "../dist/index.js";
import { Layout, sha256, single } from "./blobs.js";
import { DEMO, MOTD, PLATFORMS, TAG, archiveOf, demoTree, installed, skopeo } from "./demo.js";
import { portolan } from "./fixtures.js";
import { nothingMoreIsOpen, openFiles, scratch } from "./scratch.js";
import * as tars from "./tar.js";
import { all, bytesFrom, ended, everyWay } from "./ways.js";

/** @typedef {import("../dist/index.js").ImageSource} ImageSource */

const directory = scratch();
const AMD64 = { platform: "linux/amd64" };
const archive = archiveOf(DEMO);
const compressed = gzipSync(archive);
/** @type {import("../dist/index.js").Toolkit} */
let tools;
before(async () => {
  tools = await toolkit();
  writeFileSync(join(directory, "demo.tar"), archive);
  writeFileSync(join(directory, "demo.tar.gz"), compressed);
});

/** A stream of bytes in pieces. @param {Uint8Array} bytes */
function streamOf(bytes, piece = 10_000) {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) controller.close();
      else controller.enqueue(new Uint8Array(bytes.subarray(at, (at += piece))));
    },
  });
}

/** @param {(path: string) => any} read @returns {import("../dist/index.js").BlobSource} */
const custom = (read) => ({ index: () => read("index.json"), read: ({ digest }) => read(`blobs/${digest.replace(":", "/")}`) });

/** @type {Record<string, [kind: string, () => ImageSource]>} */
const SOURCES = {
  "a path": ["image layout", () => DEMO],
  "a reference with a tag": ["image layout", () => `oci:${DEMO}:${TAG}`],
  "a file URL": ["image layout", () => pathToFileURL(DEMO)],
  "the path of an archive": ["image layout archive", () => join(directory, "demo.tar")],
  "an archive as a reference": ["image layout archive", () => `oci-archive:${join(directory, "demo.tar")}:${TAG}`],
  "the path of an archive that is compressed": ["image layout archive", () => join(directory, "demo.tar.gz")],
  "a Uint8Array": ["image layout archive", () => new Uint8Array(archive)],
  "an ArrayBuffer that is compressed": ["image layout archive", () => new Uint8Array(compressed).buffer],
  "a Blob": ["image layout archive", () => new Blob([archive])],
  "a Blob that is compressed": ["image layout archive", () => new Blob([compressed])],
  "a ReadableStream": ["image layout archive", () => streamOf(archive)],
  "a ReadableStream that is compressed": ["image layout archive", () => streamOf(compressed)],
  "an object that answers with bytes": ["custom", () => custom((path) => readFileSync(join(DEMO, path)))],
  "an object that answers with promises of Blobs": ["custom", () => custom(async (path) => new Blob([readFileSync(join(DEMO, path))]))],
  "an object that answers with streams": ["custom", () => custom((path) => streamOf(readFileSync(join(DEMO, path))))],
  "an object that answers with iterables": ["custom", () => custom(async function* (path) {
    const bytes = readFileSync(join(DEMO, path));
    for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
  })],
  "an object that answers with ArrayBuffers": ["custom", () => custom((path) => new Uint8Array(readFileSync(join(DEMO, path))).buffer)],
};

const layoutIndex = JSON.parse(readFileSync(join(DEMO, "index.json"), "utf8"));
const index = JSON.parse(readFileSync(join(DEMO, "blobs", layoutIndex.manifests[0].digest.replace(":", "/")), "utf8"));

everyWay((way) => {
  for (const [name, [kind, source]] of Object.entries(SOURCES)) {
    test(`the demo image is read from ${name}`, async () => {
      const open = openFiles();
      const image = await openImage(source(), { ...way, ...AMD64 });
      assert.equal(image.kind, kind);
      assert.equal(image.descriptor.digest, index.manifests[0].digest);
      assert.deepEqual(image.indexes.map(({ digest }) => digest), [layoutIndex.manifests[0].digest]);
      assert.equal(sha256(image.rawManifest), image.descriptor.digest);
      assert.deepEqual(JSON.parse(String(Buffer.from(await image.index()))), layoutIndex);
      assert.equal(sha256(image.rawConfig ?? new Uint8Array()), image.manifest.config.digest);
      assert.deepEqual(image.platform, { os: "linux", architecture: "amd64" });
      assert.equal(image.layers.length, 4);
      assert.deepEqual(image.layers.map(({ diffId }) => diffId), image.config?.diffIds);
      const { list, result } = await ended(image.changes());
      assert.deepEqual(result.map(({ diffId }) => diffId), image.config?.diffIds);
      assert.deepEqual(result.map(({ digest }) => digest), image.layers.map(({ digest }) => digest));
      assert.deepEqual(result.map(({ compression }) => compression), ["zstd", "gzip", "gzip", "gzip"]);
      assert.deepEqual([...new Set(list.map(({ layer }) => layer))], [0, 1, 2, 3]);
      const nodes = await all((await image.tree()).walk());
      assert.deepEqual(nodes.map(({ path }) => path).sort(), [...demoTree("amd64").keys()].sort());
      assert.equal(String(await bytesFrom(image.readFile("/etc/motd"))), MOTD);
      assert.deepEqual((await ended(image.verify())).list, []);
      await image.close();
      await nothingMoreIsOpen(open);
    });
  }

  describe("as skopeo writes it", { skip: !installed("skopeo") && "skopeo is not installed" }, () => {
    test("in an oci-archive", async () => {
      const path = join(directory, `skopeo-${way.pool ? 1 : 0}.tar`);
      skopeo("--all", `oci:${DEMO}:${TAG}`, `oci-archive:${path}:${TAG}`);
      const image = await openImage(path, { ...way, ...AMD64 });
      assert.equal(image.descriptor.digest, index.manifests[0].digest);
      assert.deepEqual((await ended(image.verify({ everything: true }))).list, []);
      assert.equal((await image.platforms()).length, 4);
      await image.close();
    });

    test("in a docker-archive", async () => {
      const [plain, path] = [join(directory, `plain-${way.pool ? 1 : 0}`), join(directory, `docker-${way.pool ? 1 : 0}.tar`)];
      // No Docker archive takes zstd.
      skopeo("--override-arch=amd64", "--override-os=linux", "--dest-compress-format=gzip", `oci:${DEMO}:${TAG}`, `oci:${plain}:demo`);
      skopeo("--override-arch=amd64", "--override-os=linux", `oci:${plain}:demo`, `docker-archive:${path}:example/demo:1.0`);
      for (const source of [path, `docker-archive:${path}:example/demo:1.0`, new Blob([readFileSync(path)]), gzipSync(readFileSync(path))]) {
        const image = await openImage(source, { ...way, ...AMD64 });
        assert.equal(image.kind, "docker archive");
        assert.deepEqual(image.config?.cmd, ["world"]);
        const nodes = await all((await image.tree()).walk());
        assert.deepEqual(nodes.map(({ path }) => path).sort(), [...demoTree("amd64").keys()].sort());
        assert.equal(String(await bytesFrom(image.readFile("etc/motd"))), MOTD);
        assert.deepEqual((await ended(image.verify())).list, []);
        await image.close();
      }
    });
  });

  test("a place of several images is listed whole, with their names", async () => {
    const layout = new Layout();
    const [one, two, three] = ["1", "2", "3"].map((text) => layout.image({ layers: [[tars.file("n", text)]] }));
    layout.tag(one, "one").tag(layout.index([two, one].map((it) => /** @type {object} */ (it))), "two").tag(/** @type {object} */ (three));
    await assert.rejects(listImages(layout.source()), portolan("reference-not-found", "several"));
    const listed = await listImages(layout.source(), { everything: true });
    assert.deepEqual(listed.map(({ descriptor, name }) => [descriptor.digest, name]), [[one?.digest, "one"], [two?.digest, "two"], [three?.digest, undefined]]);
    for (const { descriptor } of listed) {
      const image = await openImage(layout.source(), { ...way, digest: descriptor.digest });
      assert.equal(image.descriptor.digest, descriptor.digest);
      await image.close();
    }
    assert.deepEqual((await listImages(DEMO, { everything: true })).length, (await listImages(DEMO)).length);
  });

  test("an archive of docker save is read as it always was, with layers that occur twice", async () => {
    const layout = new Layout();
    const layer = [tars.file("a", "1")];
    const image = layout.image({ layers: [layer, [tars.file("b", "2")], layer] });
    const opened = await openImage(layout.dockerArchive([image], ["example/it:1"]), { ...way, ...AMD64 });
    assert.equal(opened.kind, "docker archive");
    assert.deepEqual((await all((await opened.tree()).walk())).map(({ path }) => path), ["", "a", "b"]);
    assert.deepEqual((await ended(opened.verify())).list, []);
    assert.ok(opened.annotations.length > 0 || opened.manifest.layers.length === 3);
    await opened.close();
    await assert.rejects(openImage(layout.dockerArchive([image], ["example/it:1"]), { ...way, ...AMD64, tag: "other" }), portolan("reference-not-found"));
  });

  test("another platform is selected at the same place, and each image is closed on its own", async () => {
    const open = openFiles();
    const image = await openImage(join(directory, "demo.tar"), { ...way, ...AMD64 });
    const other = await image.select({ platform: "linux/arm64/v8" });
    const wasm = await image.select({ platform: [{ os: "wasip2", architecture: "wasm" }, "wasip1/wasm"] });
    assert.deepEqual([other, wasm].map(({ platform }) => platform && tools.platform.format(platform)), ["linux/arm64", "wasip1/wasm"]);
    assert.equal(wasm.layers[0].mediaType, "application/wasm");
    await image.close();
    // Closing twice is closing once.
    await image.close();
    await image.close();
    assert.equal((await all((await other.tree()).walk())).length, demoTree("arm64").size);
    await other.close();
    const { list } = await ended(wasm.verify());
    assert.deepEqual(list, []);
    await wasm.close();
    await nothingMoreIsOpen(open);
    await assert.rejects(openImage(DEMO, { ...way, platform: "windows/amd64" }), portolan("platform-not-found", "windows/amd64", "linux/arm64"));
    await assert.rejects(openImage(DEMO, { ...way, platform: "no platform" }), portolan("invalid-platform"));
  });

  test("all platforms of a place are listed, with attestations told apart (L-14)", async () => {
    const image = await openImage(DEMO, { ...way, ...AMD64 });
    for (const listed of [await image.platforms(), await listImages(DEMO), await listImages(DEMO, { tag: TAG })]) {
      const shown = listed.map(({ platform, attestation }) => (attestation ? "attestation" : platform && tools.platform.format(platform)));
      assert.deepEqual(shown, [...PLATFORMS, "attestation"]);
      assert.equal(listed[3].attestationOf, listed[0].descriptor.digest);
      assert.deepEqual(listed[0].indexes, [layoutIndex.manifests[0].digest]);
    }
    await assert.rejects(listImages(DEMO, { tag: "2.0" }), portolan("reference-not-found", "2.0"));
    await image.close();
  });

  test("the tree is the one that was written down", async () => {
    for (const architecture of /** @type {const} */ (["amd64", "arm64"])) {
      const image = await openImage(DEMO, { ...way, platform: `linux/${architecture}` });
      const expected = demoTree(architecture);
      for await (const node of (await image.tree()).walk()) {
        const { kind, mode, uid, gid, mtime, layer, content, target, sameAs, links } = /** @type {import("./demo.js").Expected} */ (expected.get(node.path));
        assert.deepEqual(
          { kind: node.kind, mode: node.mode, uid: node.uid, gid: node.gid, mtime: node.mtime.seconds, layer: node.layer, size: node.size, target: node.target, sameAs: node.sameAs, links: node.links },
          { kind, mode, uid, gid, mtime, layer, size: content?.length, target, sameAs, links },
          node.path,
        );
        if (content && node.sameAs === undefined && node.path.length % 7 === 0) assert.deepEqual(await bytesFrom(image.readFile(node.path)), content, node.path);
        expected.delete(node.path);
      }
      assert.deepEqual([...expected.keys()], []);
      await image.close();
    }
  });

  test("changes come with no content, all of it, or that of some entries", async () => {
    const image = await openImage(DEMO, { ...way, ...AMD64 });
    const none = await all(image.changes());
    assert.ok(none.every(({ type }) => type !== "content"));
    const entries = none.filter(({ type }) => type === "entry");
    const removed = none.flatMap((change) => (change.type === "remove" || change.type === "clear" ? [[change.type, change.path, change.layer]] : []));
    assert.deepEqual(removed, [["remove", "usr/share/doc", 3], ["clear", "var/cache/demo", 3]]);

    /** @type {Map<string, Buffer[]>} */
    const contents = new Map();
    let path = "";
    for await (const change of image.changes({ content: "all", layer: 2 })) {
      assert.equal(change.layer, 2);
      if (change.type === "entry") path = change.path;
      else if (change.type === "content") contents.set(path, [...(contents.get(path) ?? []), Buffer.from(change.bytes)]);
    }
    const expected = demoTree("amd64");
    assert.equal(String(Buffer.concat(contents.get("etc/motd") ?? [])), MOTD);
    for (const [name, parts] of contents) assert.deepEqual(Buffer.concat(parts), expected.get(name)?.content, name);
    assert.equal(contents.size, [...expected.values()].filter(({ kind, layer }) => kind === "file" && layer === 2).length);

    const wanted = entries.filter((entry) => entry.type === "entry" && entry.layer === 0 && (entry.path === "etc/passwd" || entry.path === "etc/motd"));
    const ordinals = wanted.map((entry) => (entry.type === "entry" ? entry.ordinal : -1));
    // In whatever order they are asked for.
    const some = await all(image.changes({ layer: 0, content: ordinals.reverse() }));
    const texts = some.flatMap((change) => (change.type === "content" ? [String(Buffer.from(change.bytes))] : []));
    assert.deepEqual(texts, [String(expected.get("etc/passwd")?.content), "Under construction.\n"]);
    assert.equal(some.filter(({ type }) => type === "entry").length, entries.filter(({ layer }) => layer === 0).length);
    await assert.rejects(all(image.changes({ layer: 4 })), portolan("path-not-found", "4", "0 to 3"));
    await assert.rejects(all(image.changes({ layer: -1 })), portolan("path-not-found"));
    await image.close();
  });

  test("an iteration that is left in the middle leaves nothing open", async () => {
    const open = openFiles();
    const image = await openImage(DEMO, { ...way, ...AMD64 });
    for await (const change of image.changes({ content: "all" })) if (change.type === "content") break;
    for await (const _ of (await image.tree()).walk()) break;
    for await (const _ of (await image.tree()).diff(0)) break;
    for await (const _ of image.verify()) break;
    const stream = (await image.readFile("usr/bin/hello")).getReader();
    await stream.read();
    await stream.cancel();
    await (await image.readFile("usr/bin/hello")).cancel();
    await image.close();
    await nothingMoreIsOpen(open);
  });

  test("which image is meant is told, or that several are", async () => {
    const layout = new Layout();
    const [one, other] = [layout.image({ layers: [[tars.file("a", "1")]] }), layout.image({ layers: [[tars.file("a", "2")]] })];
    layout.tag(one, "one").tag(other, "other").tag(other);
    await assert.rejects(openImage(layout.source(), way), portolan("reference-not-found", "one", "other"));
    await assert.rejects(openImage(layout.source(), { ...way, tag: "third" }), portolan("reference-not-found", "third"));
    await assert.rejects(openImage(layout.source(), { ...way, digest: sha256(Buffer.from("")) }), portolan("reference-not-found"));
    await assert.rejects(openImage(layout.source(), { ...way, digest: "sha256:a" }), portolan("invalid-digest"));
    const image = await openImage(layout.source(), { ...way, ...AMD64, tag: "other" });
    assert.equal(String(await bytesFrom(image.readFile("a"))), "2");
    await image.close();
    const exact = await openImage(layout.source(), { ...way, ...AMD64, digest: one.digest });
    assert.equal(String(await bytesFrom(exact.readFile("a"))), "1");
    const again = await exact.select({ ...AMD64, tag: "other" });
    assert.equal(again.descriptor.digest, other.digest);
    await Promise.all([exact.close(), again.close()]);
    await assert.rejects(openImage(new Layout().source(), way), portolan("reference-not-found"));
  });

  test("what is no image is told apart", async () => {
    const open = openFiles();
    const empty = join(directory, `empty-${way.pool ? 1 : 0}`);
    mkdirSync(empty, { recursive: true });
    writeFileSync(join(empty, "garbage"), "x".repeat(2_000));
    writeFileSync(join(empty, "garbage.gz"), gzipSync("x".repeat(2_000)));
    writeFileSync(join(empty, "cut.gz"), compressed.subarray(0, 5_000));
    writeFileSync(join(empty, "other.tar"), tars.tar([tars.file("a", "b")]));
    for (const [source, code, says] of /** @type {[ImageSource, string, string][]} */ ([
      [join(empty, "nothing"), "invalid-source", "no such file"],
      [empty, "invalid-source", "oci-layout"],
      [join(empty, "garbage"), "invalid-archive", "garbage"],
      [join(empty, "garbage.gz"), "invalid-archive", "garbage.gz"],
      [join(empty, "cut.gz"), "invalid-compression", "cut.gz"],
      [join(empty, "other.tar"), "invalid-source", "manifest.json"],
      [new File([tars.tar([])], "void.tar"), "invalid-source", "void.tar"],
      [new Uint8Array(0), "invalid-source", "archive"],
      [`oci:${join(directory, "demo.tar")}`, "invalid-source", "not a directory"],
      [`oci-archive:${DEMO}`, "invalid-source", "a directory"],
      [`docker-archive:${join(directory, "demo.tar")}`, "invalid-source", "manifest.json"],
      ["-", "invalid-source", "no such file"],
      ["/dev/null", "invalid-source", "regular file"],
      [/** @type {any} */ ({}), "invalid-source", "expected a path"],
      ["oci:", "invalid-reference", ""],
    ])) {
      await assert.rejects(openImage(source, way), portolan(code, says), String(source));
    }
    await nothingMoreIsOpen(open);
  });

  test("limits and strictness hold for whatever is read of an image", async () => {
    await assert.rejects(openImage(DEMO, { ...way, ...AMD64, limits: { layers: 1 } }), portolan("limit-exceeded", "layers", "4", "1"));
    await assert.rejects(openImage(DEMO, { ...way, ...AMD64, limits: { "index-entries": 1 } }), portolan("limit-exceeded", "index-entries"));
    await assert.rejects(openImage(compressed, { ...way, ...AMD64, limits: { "archive-bytes": 10_000 } }), portolan("limit-exceeded", "archive-bytes"));
    await assert.rejects(openImage(streamOf(archive), { ...way, ...AMD64, limits: { "archive-bytes": 10_000 } }), portolan("limit-exceeded", "archive-bytes"));
    const image = await openImage(DEMO, { ...way, ...AMD64, limits: { "layer-entries": 20 } });
    await assert.rejects(all(image.changes()), portolan("limit-exceeded", "layer-entries", "20"));
    await assert.rejects(image.tree(), portolan("limit-exceeded", "layer-entries"));
    await assert.rejects(image.readFile("etc/motd"), portolan("limit-exceeded", "layer-entries"));
    const findings = await all(image.verify());
    assert.ok(findings.length > 0 && findings.every(({ code }) => code === "limit-exceeded"));
    await image.close();
    const small = await openImage(DEMO, { ...way, ...AMD64, limits: { "tree-entries": 100 } });
    await assert.rejects(small.tree(), portolan("limit-exceeded", "tree-entries", "100"));
    // The other layers are no worse for it.
    assert.equal((await all(small.changes({ layer: 1 }))).length, 6);
    await small.close();
  });

  test("a damaged layer tells nothing as true", async () => {
    const layout = single({ layers: [[tars.file("a", "x".repeat(5_000))]] });
    const [digest] = layout.archives.keys();
    const blob = /** @type {Buffer} */ (layout.blobs.get(digest));
    blob[blob.length - 1] ^= 1;
    const image = await openImage(layout.source(), { ...way, ...AMD64 });
    await assert.rejects(all(image.changes()), portolan("digest-mismatch", digest));
    await assert.rejects(image.tree(), portolan("digest-mismatch", digest));
    await assert.rejects(image.readFile("a"), portolan("digest-mismatch", digest));
    layout.blobs.delete(digest);
    await assert.rejects(all(image.changes()), portolan("blob-not-found", digest));
    await assert.rejects(image.tree(), portolan("blob-not-found", digest));
    // Another try may go well.
    blob[blob.length - 1] ^= 1;
    layout.blobs.set(digest, blob);
    assert.equal((await bytesFrom(image.readFile("a"))).length, 5_000);
    await image.close();
  });

  test("`using` an image closes it", async () => {
    const open = openFiles();
    const image = await openImage(join(directory, "demo.tar"), { ...way, ...AMD64 });
    assert.notDeepEqual(openFiles(), open);
    const dispose = Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");
    await /** @type {any} */ (image)[dispose]();
    await nothingMoreIsOpen(open);
  });
});

test("a blob that a source reads must be bytes", async () => {
  const layout = single({ layers: [[tars.file("a", "1")]] });
  await assert.rejects(openImage({ index: () => /** @type {any} */ ({}), read: () => undefined }), portolan("invalid-source", "no bytes"));
  await assert.rejects(openImage({ index: layout.source().index, read: () => /** @type {any} */ ({}) }, AMD64), portolan("invalid-source", "no bytes"));
  const failing = { index: layout.source().index, read: () => Promise.reject(new RangeError("mine")) };
  await assert.rejects(openImage(failing, AMD64), { name: "RangeError", message: "mine" });
  await assert.rejects(openImage(DEMO, /** @type {any} */ ({ ...AMD64, pool: {} })), TypeError);
});

test("a layout in a directory is not left through symbolic links (row 44 of the hostile inputs)", async () => {
  const place = join(directory, "linked");
  const layout = single({ layers: [[tars.file("a", "1")]] });
  await layout.write(place);
  const [digest] = layout.archives.keys();
  const path = join(place, "blobs", digest.replace(":", "/"));
  const { symlinkSync, renameSync } = await import("node:fs");
  renameSync(path, join(directory, "outside"));
  symlinkSync(join(directory, "outside"), path);
  const image = await openImage(place, AMD64);
  await assert.rejects(all(image.changes()), portolan("invalid-source", "symbolic link"));
  await image.close();
  rmSync(path);
  renameSync(join(place, "blobs"), join(directory, "blobs"));
  symlinkSync(join(directory, "blobs"), join(place, "blobs"));
  await assert.rejects(openImage(place, AMD64), portolan("invalid-source", "symbolic link"));
});
