// @ts-check
/** Instances of the toolkit over either hasher, for tests that reach beneath the public interface. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { instantiate } from "../generated/toolkit.js";
import { changesOf, decode } from "../dist/layer.js";
import { componentHasher } from "../dist/hasher.js";
import { system } from "../dist/system/node.js";

/** The root of the repository. */
export const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

/** @typedef {import("../generated/toolkit.js").Root} Instance */

/** Both hashers by their names. */
export const hashers = {
  "node:crypto": () => system.hasher(),
  "the hasher component": () => componentHasher(system.compile),
};

/** An instance over one of them. @param {keyof typeof hashers} name @returns {Promise<Instance>} */
export async function over(name) {
  const hasher = await hashers[name]();
  /** @param {string} core */
  const module = (core) => new WebAssembly.Module(readFileSync(new URL(`../generated/${core}`, import.meta.url)));
  return instantiate(async (core) => module(core), /** @type {never} */ ({ "portolan:image/hasher": hasher }));
}

/** @param {Uint8Array} bytes @param {number} length */
export async function* chunks(bytes, length = bytes.length) {
  for (let start = 0; start < bytes.length; start += length) yield bytes.subarray(start, start + length);
}

/**
 * Reads a layer: all changes, contents copied, and the summary.
 * @param {Instance} instance @param {Uint8Array} blob @param {import("../dist/layer.js").LayerOptions} options @param {number} [chunk]
 */
export async function readLayer(instance, blob, options = {}, chunk = Math.max(1, blob.length)) {
  const layer = decode(instance, chunks(blob, chunk), { content: "all", ...options });
  /** @type {import("../dist/index.js").Change[]} */
  const changes = [];
  for (;;) {
    const { done, value } = await layer.next();
    if (done) return { changes, summary: value };
    for (const change of changesOf(value)) changes.push(change.type === "content" ? { ...change, bytes: change.bytes.slice() } : change);
  }
}
