// @ts-check
/** Going back to a file of a layer that was read before: it takes a part of the layer, and what was verified stays true. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { openImage } from "../dist/index.js";
import { isKept } from "../dist/again.js";
import { sha256, single } from "./blobs.js";
import { Registry } from "./registry.js";
import { scratch } from "./scratch.js";
import { dir, file, tar } from "./tar.js";
import { all, bytesFrom, everyWay } from "./ways.js";

/** Text that follows from a number. @param {number} seed @param {number} length */
function text(seed, length) {
  let state = seed + 1;
  const lines = [];
  for (let size = 0; size < length; size += 8) {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    lines.push((state >> 8).toString(36).padStart(7, "0"), "\n");
  }
  return lines.join("").slice(0, length);
}

const words = text(1, 1 << 20);
/** A mebibyte that differs from the others. @param {number} number */
const piece = (number) => `${number} `.repeat(100) + words;
const entries = [dir("etc/"), ...Array.from({ length: 100 }, (_, number) => file(`etc/${number}`, piece(number)))];
const archive = tar(entries);
const large = single({ layers: [gzipSync(archive, { level: 1 })], compression: "none", diffIds: [sha256(archive)] });
const [layer] = JSON.parse(String(large.blobs.get(/** @type {any} */ (large.entries[0]).digest))).layers;
const blob = /** @type {Buffer} */ (large.blobs.get(layer.digest));

/** The layout as a place that counts what is read of the layer. @param {(bytes: Buffer) => Buffer} [answer] */
function counting(answer = (bytes) => bytes) {
  const place = {
    read: 0,
    whole: 0,
    /** @type {import("../dist/index.js").BlobSource} */
    source: {
      index: () => large.indexJson(),
      read: ({ digest }, range) => {
        if (digest !== layer.digest) return large.blobs.get(digest);
        const { offset = 0, length = blob.length } = range ?? {};
        if (!range) place.whole += 1;
        place.read += length;
        return answer(blob).subarray(offset, offset + length);
      },
    },
  };
  return place;
}

everyWay((way) => {
  test("a file near the end of a large layer takes a small part of it", async () => {
    const place = counting();
    const image = await openImage(place.source, way);
    await image.tree();
    assert.equal(place.read, blob.length);
    for (const verify of [true, false]) {
      place.read = 0;
      for (const number of [98, 3, 50]) assert.equal(String(await bytesFrom(image.readFile(`etc/${number}`, { verify }))), piece(number));
      assert.ok(place.read < (blob.length * 3) / 8, `${place.read} of ${blob.length} bytes were read`);
    }
    assert.equal(place.whole, 1);
    await image.close();
  });

  test("a place that answers otherwise than before is caught, and the layer is named", async () => {
    let changed = false;
    const place = counting((bytes) => {
      if (!changed) return bytes;
      const others = Buffer.from(bytes);
      for (let at = 1000; at < others.length; at += 50_000) others[at] = Number(others[at]) ^ 1;
      return others;
    });
    const image = await openImage(place.source, way);
    await image.tree();
    changed = true;
    await assert.rejects(bytesFrom(image.readFile("etc/98")), (error) => {
      const { code, message } = /** @type {{ code: string, message: string }} */ (error);
      return code === "digest-mismatch" && message.includes(layer.digest);
    });
    changed = false;
    assert.equal(String(await bytesFrom(image.readFile("etc/98"))), piece(98));
    await image.close();
  });

  test("what was not verified the first time verifies nothing the second time", async () => {
    const place = counting();
    const image = await openImage(place.source, way);
    await all(image.changes({ verify: false }));
    place.read = 0;
    assert.equal(String(await bytesFrom(image.readEntry({ layer: 0, ordinal: 98 }, { verify: false }))), piece(97));
    assert.ok(place.read < blob.length / 4);
    assert.equal(place.whole, 1);
    assert.equal(String(await bytesFrom(image.readEntry({ layer: 0, ordinal: 98 }))), piece(97));
    assert.equal(place.whole, 2);
    // That reading was verified.
    assert.equal(String(await bytesFrom(image.readEntry({ layer: 0, ordinal: 99 }))), piece(98));
    assert.equal(place.whole, 2);
    await image.close();
  });

  test("an entry that is no file, or not there, is told as such", async () => {
    const image = await openImage(single({ layers: [[dir("etc/"), file("etc/a")]] }).archive(), way);
    for (const _ of [1, 2]) {
      await assert.rejects(bytesFrom(image.readEntry({ layer: 0, ordinal: 0 })), { code: "path-not-found", message: "etc is no file but a directory" });
    }
    await assert.rejects(bytesFrom(image.readEntry({ layer: 0, ordinal: 1000 })));
    await assert.rejects(bytesFrom(image.readEntry({ layer: 7, ordinal: 0 })), { code: "path-not-found" });
    await image.close();
  });

  test("every place and every compression gives the same content as the first time", async () => {
    const directory = scratch();
    for (const compression of /** @type {const} */ (["none", "gzip", "zstd"])) {
      const small = Array.from({ length: 40 }, (_, number) => file(`f${number}`, text(number, number * 3000)));
      const layout = single({ layers: [small, [file("f7", "other")]], compression });
      const [named] = /** @type {{ digest: string }[]} */ (layout.entries);
      const places = {
        "a directory": await layout.write(join(directory, compression)),
        "an archive": layout.archive(),
        "a Blob": new Blob([layout.archive()]),
        "an archive of docker save": layout.dockerArchive([/** @type {any} */ (named)], ["a:b"]),
        "a place that knows no ranges": layout.source(),
        "a place of streams": { ...layout.source(), read: streaming(layout) },
      };
      for (const [name, place] of Object.entries(places)) {
        const image = await openImage(place, way);
        await image.tree();
        for (const number of [39, 0, 7, 20]) {
          const expected = number === 7 ? "other" : text(number, number * 3000);
          assert.equal(String(await bytesFrom(image.readFile(`f${number}`))), expected, `${compression}, ${name}, f${number}`);
        }
        await image.close();
      }
    }
  });
});

/** @param {import("./blobs.js").Layout} layout @returns {import("../dist/index.js").BlobSource["read"]} */
function streaming(layout) {
  return async function* ({ digest }, { offset = 0, length = Infinity } = { offset: 0 }) {
    yield /** @type {Buffer} */ (layout.blobs.get(digest)).subarray(offset, offset + length);
  };
}

test("a stream that is longer than its range is told as such", async () => {
  const layout = single({ layers: [[file("a", "b")]] });
  const image = await openImage({
    ...layout.source(),
    read: async function* ({ digest }, range) {
      const bytes = /** @type {Buffer} */ (layout.blobs.get(digest));
      yield range ? Buffer.concat([bytes, bytes]) : bytes;
    },
  });
  await image.tree();
  await assert.rejects(bytesFrom(image.readFile("a")), { code: "invalid-source", message: /heed the range/ });
  await image.close();
});

test("a registry is asked for a part", async () => {
  const registry = await new Registry().start();
  after(() => registry.close());
  registry.put(large);
  const image = await openImage(`${registry.name}/app:latest`);
  await image.tree();
  registry.seen.length = 0;
  assert.equal(String(await bytesFrom(image.readFile("etc/98"))), piece(98));
  const [asked, ...others] = registry.seen.filter(({ path }) => path.includes(layer.digest));
  assert.deepEqual(others, []);
  assert.match(String(asked?.headers.range), /^bytes=[1-9][0-9]*-$/);
  await image.close();
});

test("an image that is closed keeps nothing", async () => {
  const image = await openImage(single({ layers: [[file("a", "b")]] }).archive());
  const before = Array.from({ length: 1000 }, (_, key) => isKept(key, true)).filter(Boolean).length;
  await image.tree();
  const during = Array.from({ length: 1000 }, (_, key) => isKept(key, true)).filter(Boolean).length;
  assert.equal(during, before + 1);
  await image.close();
  assert.equal(Array.from({ length: 1000 }, (_, key) => isKept(key, true)).filter(Boolean).length, before);
});
