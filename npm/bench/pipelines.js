// What people write today: both digests of a gzip layer with Node's own streams.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";

/** @param {string} path @param {number | undefined} chunk the size of chunks, or Node's defaults */
export async function digests(path, chunk) {
  const compressed = createHash("sha256");
  const uncompressed = createHash("sha256");
  await pipeline(
    createReadStream(path, chunk ? { highWaterMark: chunk } : {}),
    async function* (source) {
      for await (const bytes of source) {
        compressed.update(bytes);
        yield bytes;
      }
    },
    createGunzip(chunk ? { chunkSize: chunk } : {}),
    async (source) => {
      for await (const bytes of source) uncompressed.update(bytes);
    },
  );
  return [`sha256:${compressed.digest("hex")}`, `sha256:${uncompressed.digest("hex")}`];
}
