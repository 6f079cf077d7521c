// @ts-check
/** WebAssembly: what a file of it says of itself, and which one an image holds, in every form in use. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openImage, toolkit } from "../dist/index.js";
import { inspectWasm } from "../dist/wasm.js";
import { Layout, MEDIA, sha256 } from "./blobs.js";
import { DEMO } from "./demo.js";
import { portolan } from "./fixtures.js";
import { run } from "./scratch.js";
import { file, symlink } from "./tar.js";

/** @typedef {import("../dist/index.js").Descriptor} Descriptor */

/** @param {string} text */
const name = (text) => [text.length, ...Buffer.from(text)];
/** @param {number} id @param {number[]} content */
const section = (id, content) => [id, content.length, ...content];
/** Those that images are opened for. */
const WASM = { platform: (await toolkit()).workload.platforms({ os: "linux", architecture: "amd64" }) };
const MODULE = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...section(1, [1, 0x60, 1, 0x7f, 0]),
  ...section(2, [1, ...name("wasi_snapshot_preview1"), ...name("proc_exit"), 0, 0]),
  ...section(7, [1, ...name("exit"), 0, 0]),
]);
const COMPONENT = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0],
  // (type (instance (type (func (param "code" u8))) (export "exit" (func (type 0)))))
  ...section(7, [1, 0x42, 2, 1, 0x40, 1, ...name("code"), 0x7d, 1, 0, 4, 0, ...name("exit"), 1, 0]),
  ...section(10, [1, 0, ...name("wasi:cli/exit@0.2.3"), 5, 0]),
]);
const WORLD = `package root:component;

world root {
  import wasi:cli/exit@0.2.3;
}

package wasi:cli@0.2.3 {
  interface exit {
    exit: func(code: u8);
  }
}
`;

/** An image of one manifest. @param {string} configType @param {object} config @param {[type: string, bytes: Uint8Array, title?: string][]} layers @param {object} [annotations] */
function artifact(configType, config, layers, annotations) {
  const layout = new Layout();
  const described = layers.map(([type, bytes, title]) => ({ ...layout.blob(type, bytes), ...(title && { annotations: { "org.opencontainers.image.title": title } }) }));
  const manifest = { schemaVersion: 2, mediaType: MEDIA.manifest, config: layout.json(configType, config), layers: described, annotations };
  return layout.tag(layout.json(MEDIA.manifest, manifest), "latest");
}

/** A container image. @param {object} config @param {import("./tar.js").Entry[]} files @param {object} [annotations] */
function container(config, files, annotations) {
  const layout = new Layout();
  return layout.tag(layout.image({ platform: "wasi/wasm", layers: [files], config, annotations }), "latest");
}

const tables = { created: "1970-01-01T00:00:00Z", author: null, architecture: "wasm" };
const inLayer = { os: "wasip1", architecture: "wasm", rootfs: { type: "layers", diff_ids: [sha256(COMPONENT)] }, config: { Entrypoint: ["/app.wasm"], Cmd: ["a"], Env: ["K=v"], WorkingDir: "/w" } };

/** By the form: the image, and what is found there. @type {[form: string, layout: Layout, found: object, bytes: Uint8Array][]} */
const FORMS = [
  [
    "artifact",
    artifact("application/vnd.wasm.config.v0+json", { ...tables, os: "wasip2", layerDigests: [sha256(COMPONENT)], component: { exports: [], imports: [], target: null } }, [["application/wasm", COMPONENT, "hello.wasm"]]),
    { kind: "component", args: ["hello.wasm"], rootfs: false },
    COMPONENT,
  ],
  [
    "wasm-layer",
    artifact(MEDIA.config, inLayer, [["application/vnd.bytecodealliance.wasm.component.layer.v0+wasm", COMPONENT]]),
    { kind: "component", args: ["/app.wasm", "a"], env: ["K=v"], workingDir: "/w" },
    COMPONENT,
  ],
  ["wasm-to-oci", artifact("application/vnd.wasm.config.v1+json", {}, [["application/vnd.wasm.content.layer.v1+wasm", MODULE]]), { kind: "module" }, MODULE],
  ["module-artifact", artifact("application/vnd.module.wasm.config.v1+json", {}, [["application/vnd.module.wasm.content.layer.v1+wasm", MODULE]]), { kind: "module" }, MODULE],
  ["compat", container({}, [file("plugin.wasm", MODULE)], { "module.wasm.image/variant": "compat" }), { kind: "module", path: "plugin.wasm", args: ["plugin.wasm"] }, MODULE],
  [
    "container",
    container({ Entrypoint: ["/bin/run"], Cmd: ["x"], Env: ["A=b"], WorkingDir: "/tmp" }, [file("app/main.wasm", COMPONENT), symlink("bin/run", "../app/main.wasm")]),
    { kind: "component", path: "bin/run", args: ["/bin/run", "x"], env: ["A=b"], workingDir: "/tmp", rootfs: true },
    COMPONENT,
  ],
];

for (const [form, layout, expected, bytes] of FORMS) {
  test(`an image of the form ${form} says which WebAssembly it is and how it is called`, async () => {
    for (const source of [layout.source(), layout.archive()]) {
      const image = await openImage(source, { ...WASM, tag: "latest" });
      const workload = await image.wasm();
      assert.ok(workload);
      assert.equal(workload.form, form);
      const { kind, path, args, env, workingDir, rootfs } = workload;
      assert.deepEqual({ ...{ kind, path, args, env, workingDir, rootfs }, ...expected }, { kind, path, args, env, workingDir, rootfs });
      assert.equal(workload.descriptor?.digest, path === undefined ? sha256(bytes) : undefined);
      assert.deepEqual(new Uint8Array(await workload.bytes()), bytes);
      const found = await inspectWasm(await workload.bytes());
      assert.equal(found.kind, kind);
      assert.equal(found.world, bytes === COMPONENT ? WORLD : undefined);
      await assert.rejects(workload.bytes({ signal: AbortSignal.abort("enough") }), (error) => error === "enough");
      await image.close();
    }
  });
}

test("what is not there, too large or something else is refused, and no WebAssembly is nothing", async () => {
  const [, first] = /** @type {(typeof FORMS)[number]} */ (FORMS[0]);
  const limited = await openImage(first.source(), { ...WASM, limits: { "wasm-bytes": 7 } });
  await assert.rejects(/** @type {any} */ (await limited.wasm()).bytes(), portolan("limit-exceeded", sha256(COMPONENT)));
  await limited.close();
  const gone = artifact("application/vnd.wasm.config.v1+json", {}, [["application/vnd.wasm.content.layer.v1+wasm", MODULE]]);
  const image = await openImage(gone.source());
  const workload = await image.wasm();
  gone.blobs.set(sha256(MODULE), Buffer.alloc(MODULE.length));
  await assert.rejects(/** @type {any} */ (workload).bytes(), portolan("digest-mismatch", sha256(MODULE)));
  assert.equal(await image.wasm(), undefined);
  gone.blobs.delete(sha256(MODULE));
  assert.equal(await image.wasm(), undefined);
  await image.close();
  const [, , , , [, inside]] = /** @type {any} */ (FORMS.slice(1));
  const small = await openImage(inside.source(), { ...WASM, limits: { "wasm-bytes": 7 } });
  await assert.rejects(/** @type {any} */ (await small.wasm()).bytes(), portolan("limit-exceeded", "bin/run", "wasm-bytes"));
  await small.close();
  const native = await openImage(container({ Entrypoint: ["/bin/sh"] }, [file("bin/sh", "\x7fELF\x02\x01\x01\0")]).source(), WASM);
  assert.equal(await native.wasm(), undefined);
  await native.close();
});

test("a module says where it imports from, and what it is made of", async () => {
  const found = await inspectWasm(MODULE);
  const sections = [["type", 5], ["import", 36], ["export", 8]].map(([name, size]) => ({ name, size }));
  assert.deepEqual(found, { kind: "module", imports: ["wasi_snapshot_preview1"], exports: ["exit"], wasi: ["preview1"], producers: [], sections, size: MODULE.length });
});

test("components of tools say their worlds: those of this package, too", async () => {
  const components = join(DEMO, "../../../target/components");
  const hasher = await inspectWasm(readFileSync(join(components, "hasher.wasm")));
  assert.deepEqual([hasher.kind, hasher.imports, hasher.exports], ["component", [], ["portolan:image/hasher@0.1.0"]]);
  assert.match(String(hasher.world), /\n {4}resource hash \{\n {6}constructor\(algorithm: algorithm\);\n/);
  assert.ok(hasher.producers.some(({ name }) => name === "wit-component"));
  const inspecting = await inspectWasm(readFileSync(join(components, "inspecting.wasm")));
  assert.match(String(inspecting.world), /\n {4}use types\.\{error, limit\};\n[\s\S]* inspect: func\(bytes: list<u8>, limits: list<limit>\) -> result<info, error>;\n/);
});

test("what is no WebAssembly, or cut off, or nested too deep, is refused, and the next file is read all the same", async () => {
  for (const wrong of [new Uint8Array(), Buffer.from("\x7fELF\x02\x01\x01\0"), MODULE.subarray(0, -3), COMPONENT.subarray(0, -3)]) {
    await assert.rejects(inspectWasm(wrong), portolan("invalid-workload"));
  }
  const depth = 100_000;
  const types = Buffer.concat([Buffer.from([1]), Buffer.alloc(3 * depth, Buffer.from([0x41, 1, 1])), Buffer.from([0x7f])]);
  const size = [types.length & 0x7f | 0x80, types.length >> 7 & 0x7f | 0x80, types.length >> 14];
  const deep = Buffer.concat([COMPONENT.subarray(0, 8), Buffer.from([7, ...size]), types]);
  await assert.rejects(inspectWasm(deep), portolan("invalid-workload", "100 deep"));
  await assert.rejects(inspectWasm(MODULE, { limits: { "wasm-bytes": 7 } }), portolan("limit-exceeded", "wasm-bytes"));
  assert.equal((await inspectWasm(COMPONENT)).world, WORLD);
});

test("what reads WebAssembly takes nothing else, and the platforms of WebAssembly are known", async () => {
  assert.ok(WASM.platform.some(({ architecture }) => architecture === "wasm"));
  assert.ok(WASM.platform.some(({ os, architecture }) => os === "linux" && architecture === "amd64"));
  const { stdout, stderr } = await run(`
    const compiled = [];
    const { compile } = WebAssembly;
    WebAssembly.compile = (bytes) => (compiled.push(bytes.byteLength), compile(bytes));
    const module = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
    const found = await Promise.all([portolan.inspectWasm(module), portolan.inspectWasm(module)]);
    console.log(compiled.length, found[0].kind);`, { from: fileURLToPath(new URL("../dist/wasm.js", import.meta.url)) });
  assert.deepEqual([stdout, stderr], ["1 module\n", ""]);
});
