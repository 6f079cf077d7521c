// @ts-check
/** A first look that computes no digests, and says so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createWorkerPool, openImage } from "../dist/index.js";
import { sha256, single } from "./blobs.js";
import { file } from "./tar.js";

/** @param {AsyncGenerator<any, any>} changes */
async function read(changes) {
  const paths = [];
  for (;;) {
    const { done, value } = await changes.next();
    if (done) return { paths, summaries: value };
    paths.push(value.path);
  }
}

for (const workers of [0, 1]) {
  test(`a layer with another DiffID is listed without verifying ${workers ? "in a worker" : "here"}, and refused otherwise`, async () => {
    const pool = workers > 0 ? createWorkerPool({ size: workers }) : undefined;
    const archive = single({ layers: [[file("a"), file("b")]], diffIds: [sha256(Buffer.from("another"))] }).archive();
    const image = await openImage(archive, pool ? { pool } : {});
    const { paths, summaries } = await read(image.changes({ verify: false }));
    assert.deepEqual(paths, ["a", "b"]);
    assert.deepEqual([summaries[0].entries, summaries[0].compression], [2, "gzip"]);
    // What was not computed is not claimed.
    assert.ok(!("digest" in summaries[0]) && !("diffId" in summaries[0]));
    await assert.rejects(read(image.changes()), { code: "diff-id-mismatch" });
    await assert.rejects(read(image.changes({ verify: true })), { code: "diff-id-mismatch" });
    const { summaries: again } = await read(image.changes({ verify: false }));
    assert.equal(again[0].entries, 2);
    await image.close();
    await pool?.close();
  });
}

test("damage is found by the compression's own checksum all the same", async () => {
  const layout = single({ layers: [[file("a", "x".repeat(100_000))]] });
  const image = await openImage({
    ...layout.source(),
    read: ({ digest, mediaType }) => {
      const bytes = Buffer.from(/** @type {Buffer} */ (layout.blobs.get(digest)));
      if (mediaType.includes("layer")) bytes[bytes.length - 6] = Number(bytes[bytes.length - 6]) ^ 1;
      return bytes;
    },
  });
  await assert.rejects(read(image.changes({ verify: false })), { code: "invalid-compression" });
  await image.close();
});
