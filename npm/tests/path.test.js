// @ts-check
/** Paths that are bytes, as strings and back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openImage, pathBytes, pathOf } from "../dist/index.js";
import { single } from "./blobs.js";
import * as tars from "./tar.js";
import { all, bytesFrom, everyWay } from "./ways.js";

test("every path has a string of its own that can be turned back", () => {
  let state = 7;
  const random = (/** @type {number} */ below) => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) % below;
  // Pieces that are whole, cut short, overlong, surrogates, beyond Unicode, a byte order mark, and an escape as text.
  const pieces = [[0x61], [0xc3, 0xa4], [0xe2, 0x82, 0xac], [0xf0, 0x9f, 0x98, 0x80], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0x80], [0xc0, 0xaf], [0xed, 0xa0, 0x80],
    [0xed, 0xb2, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xef, 0xbb, 0xbf], [0xff], [0x5c, 0x78, 0x66, 0x66], [0xef, 0xbf, 0xbd]];
  /** @type {Map<string, string>} */
  const seen = new Map();
  for (let run = 0; run < 20_000; run += 1) {
    const bytes = Uint8Array.from(Array.from({ length: random(12) }, () => (random(3) ? pieces[random(pieces.length)] : [random(256)])).flat());
    const text = pathOf(bytes);
    assert.deepEqual(pathBytes(text), bytes, JSON.stringify(text));
    const hex = Buffer.from(bytes).toString("hex");
    assert.equal(seen.get(text) ?? hex, hex, `two paths are ${JSON.stringify(text)}`);
    seen.set(text, hex);
  }
  for (const length of [47, 48, 49, 200]) {
    for (const last of ["x", "ä", "\xff"]) {
      const bytes = Buffer.concat([Buffer.from("a".repeat(length - 1)), Buffer.from(last, last === "\xff" ? "latin1" : "utf8")]);
      assert.deepEqual(Buffer.from(pathBytes(pathOf(bytes))), bytes);
    }
  }
});

test("a path in UTF-8 is its text", () => {
  for (const text of ["", "etc/passwd", "ä/€/😀", "\ufeffbom", "\ufffd", "a\u0000b", "x".repeat(60) + "ü"]) {
    assert.equal(pathOf(Buffer.from(text)), text);
    assert.deepEqual(Buffer.from(pathBytes(text)), Buffer.from(text));
  }
  assert.equal(pathOf(Uint8Array.from([0x61, 0xff])), "a\udcff");
});

everyWay((way) => {
  test("files whose paths are no UTF-8 are found, read and told apart", async () => {
    const names = [Buffer.from([0x66, 0xff]), Buffer.from([0x66, 0xfe]), Buffer.from([0xc3]), Buffer.from("f\xff"), Buffer.from("f\ufffd")];
    const layers = [names.map((name, at) => tars.file(name, String(at))), [tars.hardlink(Buffer.from([0x68, 0xfd]), names[1]), tars.symlink("s", names[0])]];
    const image = await openImage(single({ layers }).source(), { ...way, platform: "linux/amd64" });
    const tree = await image.tree();
    for (const [at, name] of names.entries()) {
      assert.deepEqual((await tree.find(pathOf(name))).path, pathOf(name));
      assert.equal(String(await bytesFrom(image.readFile(pathOf(name)))), String(at));
    }
    assert.equal((await tree.resolve("s")).path, pathOf(names[0]));
    const nodes = await all(tree.walk());
    assert.equal(nodes.find(({ path }) => path === pathOf(Buffer.from([0x68, 0xfd])))?.sameAs, pathOf(names[1]));
    const paths = nodes.map(({ path }) => Buffer.from(pathBytes(path)));
    assert.deepEqual(paths, [...paths].sort(Buffer.compare));
    await image.close();
  });
});
