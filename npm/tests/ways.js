// @ts-check
/** The ways to read images: in the thread that asks, and in a pool. */
import { after, describe } from "node:test";
import { createWorkerPool } from "../dist/index.js";

/** @typedef {{ pool?: import("../dist/index.js").WorkerPool }} Way */

/** Runs tests without a pool and with one of two workers. @param {(way: Way) => void} tests */
export function everyWay(tests) {
  describe("in this thread", () => tests({}));
  describe("in a pool of two", () => {
    const pool = createWorkerPool({ size: 2 });
    after(() => pool.close());
    tests({ pool });
  });
}

/** All that an iteration yields. @template T @param {AsyncIterable<T>} values */
export async function all(values) {
  /** @type {T[]} */
  const list = [];
  for await (const value of values) list.push(value);
  return list;
}

/** What a generator yields and what it returns. @template T, R @param {AsyncGenerator<T, R>} values */
export async function ended(values) {
  /** @type {T[]} */
  const list = [];
  for (;;) {
    const { done, value } = await values.next();
    if (done) return { list, result: value };
    list.push(value);
  }
}

/** All bytes of a stream. @param {ReadableStream<Uint8Array> | Promise<ReadableStream<Uint8Array>>} stream */
export async function bytesFrom(stream) {
  const reader = (await stream).getReader();
  const parts = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(parts);
    parts.push(value);
  }
}
