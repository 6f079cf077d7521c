// @ts-check
/** What an instance of the toolkit is after a call that failed: closed where it trapped, as it was where it did not. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { instantiate } from "../generated/toolkit.js";
import { system } from "../dist/system/node.js";

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** An instance whose hasher throws what it is told to. @param {unknown} [thrown] */
async function failing(thrown) {
  const { Hash, crc32 } = await system.hasher();
  class Failing extends Hash {
    /** @override @param {Uint8Array} bytes */
    update(bytes) {
      if (failure.thrown) throw failure.thrown;
      super.update(bytes);
    }
  }
  const failure = { thrown };
  const instance = await instantiate(
    async (core) => new WebAssembly.Module(readFileSync(new URL(`../generated/${core}`, import.meta.url))),
    /** @type {never} */ ({ "portolan:image/hasher": { Hash: Failing, crc32 } }),
  );
  return { ...instance, failure };
}

test("a trap closes the instance, and says what it was", async () => {
  const { digest, failure } = await failing(new WebAssembly.RuntimeError("unreachable"));
  const digester = digest.Digester.start("sha256");
  assert.throws(() => digester.feed(new Uint8Array(3)), { name: "RuntimeError", message: "wasm trap: wasm `unreachable` instruction executed" });
  failure.thrown = undefined;
  const closed = { name: "RuntimeError", message: "wasm trap: cannot enter component instance" };
  assert.throws(() => digester.feed(new Uint8Array(3)), closed);
  assert.throws(() => digest.parse("sha256"), closed);
  assert.throws(() => digest.Digester.start("sha256"), closed);
});

test("another error of what is imported passes through, and the instance goes on", async () => {
  const { digest, failure } = await failing(new RangeError("no more"));
  const digester = digest.Digester.start("sha256");
  assert.throws(() => digester.feed(new Uint8Array(3)), { name: "RangeError", message: "no more" });
  failure.thrown = undefined;
  const other = digest.Digester.start("sha256");
  other.feed(new Uint8Array(3));
  assert.match(other.finish(), DIGEST);
});

test("what is no value of the interface is refused before the component is entered", async () => {
  const { digest, platform } = await failing();
  assert.throws(() => digest.parse(/** @type {never} */ (5)), { name: "TypeError", message: "expected a string, received [number]" });
  assert.throws(() => digest.Digester.prototype.finish.call({}), { name: "TypeError", message: 'Resource error: Not a valid "Digester" resource.' });
  assert.throws(() => platform.format(/** @type {never} */ (undefined)), TypeError);
  assert.throws(() => Reflect.construct(digest.Digester, []), { message: '"Digester" resource does not define a constructor' });
  assert.equal(digest.parse(`sha256:${"a".repeat(64)}`).algorithm, "sha256");
});

test("an error of the component is thrown as it is, and what was disposed of is gone", async () => {
  const { digest } = await failing();
  assert.throws(() => digest.parse("sha256"), (/** @type {any} */ error) => error.code === "invalid-digest" && typeof error.message === "string");
  const digester = digest.Digester.start("sha256");
  /** @type {any} */ (digester)[Symbol.dispose ?? Symbol.for("dispose")]();
  assert.throws(() => digester.finish(), { message: 'Resource error: Not a valid "Digester" resource.' });
});
