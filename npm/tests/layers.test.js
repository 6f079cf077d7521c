// @ts-check
/** Layers and what they make together: the vectors of layer.md, whiteouts, sparse files, compressions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { openImage, pathOf } from "../dist/index.js";
import { MEDIA, Layout, sha256, single, zstd } from "./blobs.js";
import { over, readLayer } from "./components.js";
import { jsonOf, portolan } from "./fixtures.js";
import * as tars from "./tar.js";
import { all, bytesFrom, everyWay } from "./ways.js";

/** @type {Record<string, string>} */
const FLAGS = { file: "0", hardlink: "1", symlink: "2", dir: "5", fifo: "6" };

/** A layer of the vectors. @param {any[]} entries */
const layerOf = (entries) =>
  entries.map(({ path, type, content, linkname, mode }) => ({
    name: path, type: FLAGS[type], content, link: linkname, mtime: 0, mode: parseInt(mode ?? (type === "dir" ? "755" : "644"), 8),
  }));

const vectors = jsonOf("vectors/layers.json");

everyWay((way) => {
  //
  test("every vector of layers gives its tree", async () => {
    const cases = [...vectors.apply, ...vectors.applyOpaque];
    assert.ok(cases.length >= 20, `${cases.length}`);
    for (const { name, layers, present, absent, types = {}, modes = {}, contents = {} } of cases) {
      const image = await openImage(single({ layers: layers.map(layerOf) }).source(), { ...way, platform: "linux/amd64" });
      const tree = await image.tree();
      const paths = (await all(tree.walk())).map(({ path }) => path).filter((path) => path !== "");
      assert.deepEqual(paths.sort(), [...present].sort(), name);
      for (const path of absent) await assert.rejects(tree.find(path), portolan("path-not-found"), `${name}: ${path}`);
      for (const [path, kind] of Object.entries(types)) assert.equal((await tree.find(path)).kind.replace("directory", "dir"), kind, `${name}: ${path}`);
      for (const [path, mode] of Object.entries(modes)) assert.equal((await tree.find(path)).mode, parseInt(mode, 8), `${name}: ${path}`);
      for (const [path, content] of Object.entries(contents)) assert.equal(String(await bytesFrom(image.readFile(path))), content, `${name}: ${path}`);
      await image.close();
    }
  });

  //
  test("every malformed vector is refused or stays in the root", async () => {
    /** @type {Record<string, string>} */
    const answers = {
      "whiteout without a basename": "invalid-whiteout",
      "whiteout without a basename, nested": "invalid-whiteout",
      "duplicate path in one layer": "a",
      "path escapes the root": "invalid-path",
      // The unpacker says it of the link.
      "hard link target outside the root": "invalid-link",
      "root replaced by a symlink": "invalid-path",
      "symlink then write through it": "file link",
      "hard link target missing": "invalid-link",
      "whiteout is a directory or link instead of a regular file": "",
    };
    for (const { name, layers } of vectors.refuseOrContain) {
      const image = await openImage(single({ layers: layers.map(layerOf) }).source(), { ...way, platform: "linux/amd64" });
      let answer;
      try {
        const paths = (await all((await image.tree()).walk())).map(({ path }) => path);
        answer = paths.filter((path) => path !== "").join(" ");
      } catch (/** @type {any} */ error) {
        answer = error.code;
      }
      assert.equal(answer, answers[name], name);
      await image.close();
    }
  });

  //
  test("every name of the vectors is removed by its whiteout", async () => {
    for (const { path, whiteout, expect, isDir } of vectors.whiteoutNames) {
      const lower = expect === "error" ? [] : [isDir ? tars.dir(path) : tars.file(path, "x")];
      const image = await openImage(single({ layers: [lower, [tars.file(whiteout)]] }).source(), { ...way, platform: "linux/amd64" });
      if (expect === "error") await assert.rejects(image.tree(), portolan("invalid-whiteout"), whiteout);
      else await assert.rejects((await image.tree()).find(path), portolan("path-not-found"), whiteout);
      await image.close();
    }
  });

  test("holes of sparse files are zeros, between contents and at the end (R-10)", async () => {
    const expected = Buffer.alloc(200_000);
    expected.write("first", 1024);
    expected.write("second".repeat(100), 150_016);
    const entry = tars.sparse("holes", 200_000, [[1024, "first".padEnd(512, "\0")], [150_016, "second".repeat(100)]]);
    for (const compression of /** @type {const} */ (["none", "gzip", "zstd"])) {
      const image = await openImage(single({ layers: [[tars.file("before", "b"), entry, tars.file("after", "a")]], compression }).source(), { ...way, platform: "linux/amd64" });
      assert.deepEqual(await bytesFrom(image.readFile("holes")), expected, compression);
      assert.equal(String(await bytesFrom(image.readFile("after"))), "a");
      const changes = await all(image.changes({ content: "all" }));
      const written = changes.reduce((sum, change) => sum + (change.type === "content" ? change.bytes.length : 0), 0);
      assert.ok(written < 2_000, `${written} bytes of a sparse file crossed`);
      await image.close();
    }
    const empty = await openImage(single({ layers: [[tars.sparse("empty", 100_000, [])]] }).source(), { ...way, platform: "linux/amd64" });
    assert.deepEqual(await bytesFrom(empty.readFile("empty")), Buffer.alloc(100_000));
    await empty.close();
  });

  test("metadata comes as the archive has it (R-05 to R-09)", async () => {
    const entries = [
      tars.file("f", "1", { mode: 0o4751, uid: 3_000_000, gid: 70_000, mtime: -1, pax: [["mtime", "-1.25"], ["SCHILY.xattr.user.a", Buffer.from([0, 255])]] }),
      tars.charDevice("null", 1, 3),
      { ...tars.charDevice("disk", 8, 1_000_000), type: "4" },
      tars.fifo("pipe"),
      tars.symlink("s", "../../etc/\xffx"),
      tars.file("far", "", { mtime: 40_000_000_000 }),
    ];
    const image = await openImage(single({ layers: [entries] }).source(), { ...way, platform: "linux/amd64" });
    const [f, empty, disk, pipe, s, far] = ["f", "null", "disk", "pipe", "s", "far"];
    const tree = await image.tree();
    const { mode, uid, gid, mtime, xattrs, size, source, layer, links } = await tree.find(f);
    assert.deepEqual({ mode, uid, gid, size, layer, links }, { mode: 0o4751, uid: 3_000_000, gid: 70_000, size: 1, layer: 0, links: 1 });
    assert.deepEqual(mtime, { seconds: -2, nanoseconds: 750_000_000 });
    assert.deepEqual(xattrs.map(({ name, value }) => [name, [...value]]), [["user.a", [0, 255]]]);
    assert.deepEqual(source, { layer: 0, ordinal: 0 });
    assert.deepEqual((await tree.find(empty)).device, { major: 1, minor: 3 });
    assert.deepEqual([(await tree.find(disk)).kind, (await tree.find(disk)).device], ["block-device", { major: 8, minor: 1_000_000 }]);
    assert.equal((await tree.find(pipe)).kind, "fifo");
    assert.equal((await tree.find(s)).target, pathOf(Buffer.from("../../etc/\xffx")));
    // The nearest time that 64 bits of nanoseconds can hold.
    assert.deepEqual((await tree.find(far)).mtime, { seconds: 9_223_372_036, nanoseconds: 854_775_807 });
    await image.close();
  });

  test("a layer that is compressed otherwise than its label says is a warning, and an error when strict", async () => {
    const layout = new Layout();
    const archive = tars.tar([tars.file("a", "x")]);
    const layer = { ...layout.blob(`${MEDIA.layer}+gzip`, zstd(archive)) };
    const config = layout.json(MEDIA.config, { os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [sha256(archive)] } });
    layout.tag(layout.json(MEDIA.manifest, { schemaVersion: 2, mediaType: MEDIA.manifest, config, layers: [layer] }), "latest");
    const image = await openImage(layout.source(), way);
    const changes = image.changes();
    for (;;) {
      const { done, value } = await changes.next();
      if (!done) continue;
      assert.equal(value[0].compression, "zstd");
      assert.equal(value[0].warnings.length, 1);
      break;
    }
    const strict = await openImage(layout.source(), { ...way, strict: true });
    await assert.rejects(all(strict.changes()), portolan("compression-mismatch"));
    await assert.rejects(strict.tree(), portolan("compression-mismatch"));
    const findings = await all(strict.verify());
    assert.deepEqual(findings.map(({ severity, code, digest }) => [severity, code, digest]), [["failure", "compression-mismatch", layer.digest]]);
    await Promise.all([image.close(), strict.close()]);
  });
});

test("however a layer is cut its changes are the same", async () => {
  const archive = tars.tar([
    tars.dir("d"),
    tars.file("d/f", Buffer.alloc(10_000, "abcdefg")),
    tars.sparse("d/sparse", 5_000, [[512, "x".repeat(512)]]),
    tars.file("x".repeat(200), "long"),
    tars.whiteout("d/gone"),
    tars.opaque("e"),
  ]);
  const halves = [archive.subarray(0, 3_000), archive.subarray(3_000)];
  const blobs = { tar: archive, gzip: gzipSync(archive), members: Buffer.concat(halves.map((half) => gzipSync(half))), zstd: zstd(archive), frames: Buffer.concat(halves.map(zstd)) };
  for (const hasher of /** @type {const} */ (["node:crypto", "the hasher component"])) {
    const root = await over(hasher);
    /** @param {import("../dist/index.js").Change[]} changes */
    const whole = (changes) => {
      /** @type {unknown[]} */
      const list = [];
      let content = Buffer.alloc(0);
      for (const change of changes) {
        if (change.type === "content") {
          content = Buffer.concat([content, Buffer.alloc(change.offset - content.length), change.bytes]);
          continue;
        }
        if (content.length > 0) list.push(content);
        content = Buffer.alloc(0);
        list.push(change);
      }
      return list;
    };
    const expected = whole((await readLayer(root, archive)).changes);
    assert.ok(expected.length >= 8);
    for (const [name, blob] of Object.entries(blobs)) {
      for (const chunk of [1, 7, 511, 512, 513, 65_536]) {
        const { changes, summary } = await readLayer(root, blob, { diffId: sha256(archive), digest: sha256(blob), size: blob.length }, chunk);
        assert.deepEqual(whole(changes), expected, `${name} by ${chunk}`);
        assert.deepEqual([summary.diffId, summary.digest, summary.uncompressedSize, summary.entries], [sha256(archive), sha256(blob), archive.length, 4]);
      }
    }
  }
});
