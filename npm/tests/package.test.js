// @ts-check
/** The package as its users get it: packed, installed into an empty folder, imported and compiled against. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { DEMO } from "./demo.js";
import { bytesOf } from "./fixtures.js";
import { run, scratch } from "./scratch.js";

const NPM = fileURLToPath(new URL("..", import.meta.url));
const directory = scratch();
const app = join(directory, "app");
const installed = join(app, "node_modules/portolan");
const entry = join(installed, "dist/index.js");
let tarball = "";

/** @param {string} program @param {string[]} args @param {string} [cwd] */
const call = (program, args, cwd = NPM) => execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NODE_TEST_CONTEXT: undefined } });
/** @param {string} name */
const tool = (name) => join(NPM, "node_modules/.bin", name);

before(() => {
  mkdirSync(app);
  writeFileSync(join(app, "package.json"), JSON.stringify({ name: "app", version: "1.0.0", type: "module", private: true }));
  const [{ filename }] = JSON.parse(call("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", directory]));
  tarball = join(directory, filename);
  call("npm", ["install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", tarball], app);
});

/** The files below a directory. @param {string} at @returns {string[]} */
const files = (at) => readdirSync(at, { recursive: true, withFileTypes: true }).filter((found) => found.isFile()).map((found) => join(found.parentPath ?? found.path, found.name));

test("the package has nothing to install beside it, and holds what it needs and no more", () => {
  const { dependencies, peerDependencies, optionalDependencies, scripts = {} } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  assert.deepEqual([dependencies, peerDependencies, optionalDependencies], [undefined, undefined, undefined]);
  assert.ok(!["preinstall", "install", "postinstall"].some((name) => name in scripts));
  assert.deepEqual(readdirSync(join(app, "node_modules")).filter((name) => !name.startsWith(".")), ["portolan"]);
  const names = files(installed).map((path) => path.slice(installed.length + 1));
  for (const needed of ["dist/index.js", "dist/index.d.ts", "dist/worker.js", "dist/cli.js", "generated/toolkit.core.wasm", "generated/hasher.core.wasm", "generated/wasm.core.wasm", "README.md", "LICENSE"]) {
    assert.ok(names.includes(needed), `${needed} is missing`);
  }
  assert.deepEqual(names.filter((name) => /^(src|tests|bench|build|node_modules)\//.test(name) || name.endsWith(".ts") && !name.endsWith(".d.ts")), []);
  // Whatever is imported is there.
  for (const name of names.filter((it) => it.endsWith(".js"))) {
    const text = readFileSync(join(installed, name), "utf8");
    for (const [, relative] of text.matchAll(/(?:from|import)\s*\(?"(\.[^"]+)"/g)) assert.ok(existsSync(join(installed, name, "..", relative)), `${name} imports ${relative}`);
    for (const [, relative] of text.matchAll(/new URL\("([^"]+)", import\.meta\.url\)/g)) assert.ok(existsSync(join(installed, name, "..", relative)), `${name} names ${relative}`);
  }
});

// What reads WebAssembly is 60 KB of it, which nobody loads who does not read any.
test("all of its code is 550 KB compressed at most", (t) => {
  const code = files(installed).filter((path) => /\.(wasm|js)$/.test(path));
  const size = code.reduce((sum, path) => sum + gzipSync(readFileSync(path), { level: 9 }).length, 0);
  t.diagnostic(`${(size / 1000).toFixed(1)} KB in ${code.length} files`);
  assert.ok(size <= 550_000, `${size}`);
});

test("it is imported, and its command runs", () => {
  const script = `import { openImage, toolkit } from "portolan";
    const image = await openImage(${JSON.stringify(DEMO)}, { platform: "linux/amd64" });
    console.log(image.layers.length, (await toolkit()).digest.parse("sha256:" + "a".repeat(64)).algorithm, import.meta.resolve("portolan/worker").endsWith("dist/worker.js"));`;
  assert.equal(call(process.execPath, ["--input-type=module", "-e", script], app), "4 sha256 true\n");
  assert.match(call(join(app, "node_modules/.bin/portolan"), ["inspect", DEMO], app), /linux\/amd64/);
  // ES modules only; `require` of them is Node's matter since 20.19, and what is not exported is not had.
  assert.throws(() => call(process.execPath, ["-e", 'require.resolve("portolan/dist/pool.js")'], app), /ERR_PACKAGE_PATH_NOT_EXPORTED/);
});

const SAMPLE = `
import { createWorkerPool, listImages, listTags, openImage, pathOf, PortolanError, referrers, Registries, toolkit, unpack } from "portolan";
import { inspectWasm, type WasmInfo } from "portolan/wasm";
import type { BlobSource, Change, Config, Credentials, Descriptor, ErrorCode, Finding, Image, Manifest, Node, Platform, Summary, Tree, Verified, WorkerPool, Workload } from "portolan";

export async function sample(place: string | Blob | BlobSource, signal: AbortSignal): Promise<string[]> {
  const pool: WorkerPool = createWorkerPool({ size: 1 });
  const image: Image = await openImage(place, { platform: ["linux/arm64", { os: "linux", architecture: "amd64" }], pool, signal, limits: { layers: 16 } });
  const lines: string[] = [];
  const config: Config | undefined = image.config;
  lines.push(...(config?.env ?? []), image.platform?.os ?? "");
  for await (const change of image.changes({ layer: 0, content: "all" })) {
    if (change.type === "entry") lines.push(change.path, String(change.mtime.seconds));
    else if (change.type === "content") lines.push(String(change.bytes.byteLength + change.offset));
    else lines.push(change.path);
  }
  const tree: Tree = await image.tree();
  for await (const node of tree.walk("etc/*")) lines.push((node satisfies Node).path);
  const stream: ReadableStream<Uint8Array> = await image.readFile("etc/passwd", { signal });
  await stream.cancel();
  const verification: AsyncGenerator<Finding, Verified> = image.verify({ onProgress: ({ digest, read, size }) => lines.push(digest, String(read / size)) });
  for await (const { severity, code } of verification) lines.push(severity === "failure" ? code : "");
  try {
    await unpack(image, "rootfs");
  } catch (error) {
    if (error instanceof PortolanError && error.code === ("digest-mismatch" satisfies ErrorCode)) lines.push(error.message);
  }
  const { manifest, platform } = await toolkit();
  const document = manifest.parse(new Uint8Array());
  if (document.kind === "image") lines.push((document satisfies Manifest).config.digest);
  else lines.push(...document.manifests.map((it: Descriptor) => it.digest));
  const host: Platform = platform.host();
  lines.push(pathOf(new Uint8Array([255])), host.os, ...(await listImages(place)).map(({ descriptor }) => descriptor.digest));
  const credentials: Credentials = { username: "traveller", password: "sea" };
  const registries = new Registries({ credentials: async () => credentials, transport: "plain", mirrors: [{ registry: "docker.io", host: "mirror.example" }], signal });
  lines.push(...(await listTags("ghcr.io/org/app", { registries })), ...(await referrers("busybox", { registry: { retries: 0 } })).map(({ digest }) => digest));
  for await (const chunk of registries.fetch("busybox", image.layers[0]!, { offset: 10, signal })) lines.push(String(chunk.length));
  const { how, digest, size } = await registries.pushStream({ registry: "localhost:5000", repository: "app" }, new Blob([]));
  lines.push(how, digest, String(size), (await registries.pushBlob("localhost:5000/app", image.layers[0]!, (offset) => new Blob([]).slice(offset), { chunk: 1 << 20 })).how);
  const workload: Workload | undefined = await image.wasm({ signal });
  if (workload) lines.push(workload.form, ...workload.args, ((await inspectWasm(await workload.bytes())) satisfies WasmInfo).world ?? "");
  await image.close();
  await pool.close();
  return lines;
}
// @ts-expect-error: no such member
export const wrong = (image: Image) => image.nothing;
// @ts-expect-error: not a code
export const other: ErrorCode = "nothing";
export type { Change, Summary };
`;

for (const [resolution, module, lib] of [
  ["bundler", "esnext", ["es2022", "dom", "dom.iterable", "dom.asynciterable"]],
  ["node16", "node16", ["es2022", "dom", "dom.iterable", "dom.asynciterable"]],
  ["nodenext", "nodenext", ["esnext", "dom", "dom.iterable", "dom.asynciterable"]],
]) {
  test(`TypeScript compiles against it with moduleResolution ${resolution}`, () => {
    const project = join(app, String(resolution));
    mkdirSync(project);
    writeFileSync(join(project, "sample.mts"), SAMPLE);
    const compilerOptions = { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, target: "es2022", lib, module, moduleResolution: resolution, types: [], noEmit: true };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["sample.mts"] }));
    try {
      call(process.execPath, [tool("tsc"), "-p", project]);
    } catch (/** @type {any} */ error) {
      assert.fail(error.stdout);
    }
  });
}

test("publint and attw find nothing", () => {
  for (const [name, args] of /** @type {[string, string[]][]} */ ([["publint", ["run", tarball, "--strict"]], ["attw", [tarball, "--profile", "esm-only"]]])) {
    try {
      call(process.execPath, [tool(name), ...args]);
    } catch (/** @type {any} */ error) {
      assert.fail(`${name}: ${error.stdout}${error.stderr}`);
    }
  }
});

test("whoever only parses documents compiles every module once at most, and none of the hasher", async () => {
  const script = `
    import { readFile } from "node:fs/promises";
    const compiled = [];
    const { compile } = WebAssembly;
    const Module = WebAssembly.Module;
    WebAssembly.compile = (bytes) => (compiled.push(bytes.byteLength), compile(bytes));
    WebAssembly.Module = new Proxy(Module, { construct: (target, [bytes]) => (compiled.push(bytes.byteLength), new target(bytes)) });
    const [one, other] = await Promise.all([portolan.toolkit(), portolan.toolkit()]);
    for (let turn = 0; turn < 3; turn += 1) other.manifest.parse(await readFile(process.argv[2]));
    console.log(one === other, JSON.stringify(compiled.sort()));`;
  const manifest = fileURLToPath(pathToFileURL(join(directory, "manifest.json")));
  writeFileSync(manifest, bytesOf("valid/manifest-spec-manifest-0-manifest.json"));
  const { stdout, stderr } = await run(script, { from: entry, args: [manifest] });
  const sizes = files(join(installed, "generated")).filter((path) => path.includes("toolkit.core") && path.endsWith(".wasm")).map((path) => readFileSync(path).length);
  assert.equal(stderr, "");
  assert.equal(stdout, `true ${JSON.stringify(sizes.sort())}\n`);
});

// Measured against its 40 ms by `bench/run.js`: how fast a machine is that runs tests, nobody knows.
test("from import to a parsed manifest it takes tens of milliseconds, not hundreds", async (t) => {
  const manifest = join(directory, "manifest.json");
  writeFileSync(manifest, bytesOf("valid/manifest-spec-manifest-0-manifest.json"));
  const script = join(directory, "start.mjs");
  writeFileSync(script, `
    import { readFileSync } from "node:fs";
    const bytes = readFileSync(process.argv[2]);
    const start = performance.now();
    const { toolkit } = await import(${JSON.stringify(pathToFileURL(entry).href)});
    const { manifest } = await toolkit();
    if (manifest.parse(bytes).layers.length !== 3) throw new Error("it is another manifest");
    console.log(performance.now() - start);`);
  const times = Array.from({ length: 7 }, () => Number(call(process.execPath, [script, manifest]))).sort((one, other) => one - other);
  t.diagnostic(times.map((time) => `${time.toFixed(1)} ms`).join(", "));
  assert.ok(times[0] < 200, `${times[0]} ms is the best`);
});
