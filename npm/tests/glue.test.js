// @ts-check
/** What the build makes of the generator's JavaScript: smaller, not different, and nothing where the generator has changed. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { transpileBytes } from "@bytecodealliance/jco-transpile";
import { REPOSITORY } from "./components.js";

/** @type {(source: string) => string} */
const shared = (await import(new URL("../build/shared.js", import.meta.url).href)).shared;
/** @type {Record<string, Uint8Array>} */
let files = {};
let source = "";

before(async () => {
  const options = { name: "hasher", instantiation: "async", base64Cutoff: 0, nodejsCompat: false, namespacedExports: false, validLiftingOptimization: true };
  ({ files } = await transpileBytes(readFileSync(join(REPOSITORY, "target/components/hasher.wasm")), /** @type {never} */ (options)));
  source = Buffer.from(/** @type {Uint8Array} */ (files["hasher.js"])).toString("utf8");
});

/** What calls of an instance come to, errors among them. @param {string} script */
async function outcomes(script) {
  const { instantiate } = /** @type {any} */ (await import(`data:text/javascript;base64,${Buffer.from(script).toString("base64")}`));
  const { hasher } = await instantiate(async (/** @type {string} */ core) => new WebAssembly.Module(/** @type {never} */ (files[core])), {});
  const hash = new hasher.Hash("sha256");
  const calls = [
    () => hash.update(new Uint8Array([1, 2, 3])),
    () => hash.update([4, 5, 6]),
    () => hash.update([4, 5, 256]),
    () => hash.update(new Uint8Array([7]).buffer),
    () => hash.update(undefined),
    () => hash.duplicate().finish(),
    () => hash.finish(),
    () => hash.finish.call({}),
    () => hasher.crc32(1.5, new Uint8Array(9)),
    () => hasher.crc32("2", new Uint8Array(9)),
    () => hasher.crc32(3n, new Uint8Array(9)),
    () => Object.getPrototypeOf(Reflect.construct(class extends hasher.Hash {}, ["sha512"])) === hasher.Hash.prototype,
    () => new hasher.Hash("md5"),
    () => hasher.Hash("sha256"),
    () => hash[Symbol.dispose ?? Symbol.for("dispose")](),
    () => hash.finish(),
    () => Object.keys(hasher),
  ];
  return calls.map((call) => {
    try {
      return call();
    } catch (error) {
      return String(error);
    }
  });
}

test("every call comes to what it comes to without the build, errors too", async () => {
  const written = shared(source);
  assert.deepEqual(await outcomes(written), await outcomes(source));
  assert.ok(written.length < source.length / 5, `${written.length} of ${source.length}`);
});

test("the build fails where the generator writes something else", () => {
  for (const [said, instead] of /** @type {[string, string][]} */ ([
    ["task.setCalleeIsAsync(false);", ""],
    ["isManualAsync: false", "isManualAsync: true"],
    ["callingWasmExport: true", "callingWasmExport: true, lends: true"],
    ["getOrCreateAsyncState(0).markTrapped(err);", ""],
    ["let ret;", "let value;"],
    ["cstate.mayLeave = false;", "cstate.leave(false);"],
    ["return retCopy;", "return [retCopy];"],
    ["finalizationRegistry0.unregister(", "finalizationRegistry0.forget("],
    ["T_FLAG) === 0) {\n", "T_FLAG) == 0) {\n"],
    ["enum0 = 2;", "enum0 = 4;"],
  ])) {
    assert.ok(source.includes(said), said);
    assert.throws(() => shared(source.replace(said, instead)), /^Error: expected .*: the generator changed$/, said);
  }
});
