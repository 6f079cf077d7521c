// @ts-check
/**
 * The package in other engines. They are large (deno 92 MB, bun 103 MB, workerd 160 MB), so they are had with `npx`, and only
 * where `PORTOLAN_ENGINES` is set.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { DEMO, MOTD, archiveOf, demoTree } from "./demo.js";
import { scratch } from "./scratch.js";

const directory = scratch();
const skip = !process.env.PORTOLAN_ENGINES && "PORTOLAN_ENGINES is not set";
const archive = archiveOf(DEMO);

const SMOKE = `
import { listImages, openImage, toolkit } from "portolan";
export async function smoke(bytes, pool) {
  const image = await openImage(bytes, { platform: "linux/amd64", pool });
  let entries = 0;
  for await (const node of (await image.tree()).walk()) entries += 1;
  const findings = [];
  for await (const finding of image.verify({ everything: true })) findings.push(finding.message);
  const motd = await new Response(await image.readFile("etc/motd")).text();
  await image.close();
  const { digest } = await toolkit();
  return { images: (await listImages(bytes)).length, entries, findings, motd, blake3: digest.compute(new TextEncoder().encode("abc"), "blake3") };
}`;

const MAIN = `
import { readFileSync } from "node:fs";
import process from "node:process";
import { createWorkerPool } from "portolan";
import { smoke } from "./smoke.mjs";
const bytes = new Uint8Array(readFileSync("demo.tar"));
console.log(JSON.stringify(await smoke(bytes)));
const pool = createWorkerPool({ size: 2 });
console.log(JSON.stringify(await smoke(bytes, pool)));
await pool.close();`;

const EXPECTED = {
  images: 4,
  entries: demoTree("amd64").size,
  findings: [],
  motd: MOTD,
  blake3: "blake3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
};

/** @param {string} program @param {string[]} args */
function begin(program, args) {
  // A group of its own: npx does not end what it began.
  const child = spawn(program, args, { cwd: directory, detached: true, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NODE_TEST_CONTEXT: undefined } });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (data) => (stdout += data));
  child.stderr.on("data", (data) => (stderr += data));
  const done = new Promise((resolve) => {
    child.on("error", (error) => resolve({ code: -1, stdout, stderr: error.message }));
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
  return { child, done: /** @type {Promise<{ code: number, stdout: string, stderr: string }>} */ (done) };
}

/** Why an engine cannot be had. @param {string} name */
async function missing(name) {
  const { code, stderr } = await begin("npx", ["--yes", name, "--version"]).done;
  return code === 0 ? undefined : `npx has no ${name} here: ${stderr.trim().split("\n").at(-1)}`;
}

describe("in other engines", { skip }, () => {
  before(() => {
    const installed = join(directory, "node_modules/portolan");
    mkdirSync(installed, { recursive: true });
    for (const name of ["dist", "generated", "package.json"]) cpSync(fileURLToPath(new URL(`../${name}`, import.meta.url)), join(installed, name), { recursive: true });
    writeFileSync(join(directory, "package.json"), JSON.stringify({ type: "module", private: true }));
    writeFileSync(join(directory, "demo.tar"), archive);
    writeFileSync(join(directory, "smoke.mjs"), SMOKE);
    writeFileSync(join(directory, "main.mjs"), MAIN);
  });

  for (const [name, args] of /** @type {[string, string[]][]} */ ([["deno", ["run", "--allow-all"]], ["bun", []]])) {
    test(`${name} reads and verifies an archive, with and without workers`, async (t) => {
      const reason = await missing(name);
      if (reason) return t.skip(reason);
      const { code, stdout, stderr } = await begin("npx", ["--yes", name, ...args, "main.mjs"]).done;
      assert.equal(code, 0, stderr);
      const lines = stdout.trim().split("\n").map((line) => JSON.parse(line));
      assert.deepEqual(lines, [EXPECTED, EXPECTED]);
    });
  }

  test("workerd reads and verifies an archive", async (t) => {
    const reason = await missing("workerd");
    if (reason) return t.skip(reason);
    writeFileSync(join(directory, "worker.mjs"), `
      import { createWorkerPool } from "portolan";
      import { smoke } from "./smoke.mjs";
      export default { async fetch(request) {
        try {
          let code;
          try { createWorkerPool(); } catch (error) { code = error.code; }
          return Response.json({ ...(await smoke(new Uint8Array(await request.arrayBuffer()))), pool: code });
        } catch (error) { return new Response(String(error.stack), { status: 500 }); }
      } };`);
    await build({
      entryPoints: [join(directory, "worker.mjs")],
      outfile: join(directory, "bundle.mjs"),
      bundle: true,
      format: "esm",
      target: "es2022",
      conditions: ["workerd"],
      logLevel: "error",
      plugins: [{ name: "modules", setup: (it) => it.onResolve({ filter: /\.wasm$/ }, ({ path }) => ({ path: path.replace(/^.*\//, "./"), external: true })) }],
    });
    const generated = join(directory, "node_modules/portolan/generated");
    const modules = readdirSync(generated).filter((file) => file.endsWith(".wasm"));
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
    await new Promise((resolve) => server.close(resolve));
    writeFileSync(join(directory, "config.capnp"), `using Workerd = import "/workerd/workerd.capnp";
      const config :Workerd.Config = (
        services = [(name = "main", worker = (
          compatibilityDate = "2025-01-01",
          modules = [(name = "worker", esModule = embed "bundle.mjs"),
            ${modules.map((file) => `(name = "${file}", wasm = embed "node_modules/portolan/generated/${file}")`).join(",\n            ")}],
        ))],
        sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
      );`);
    const { child, done } = begin("npx", ["--yes", "workerd", "serve", "config.capnp"]);
    try {
      let response;
      for (let tries = 0; !response && tries < 100; tries += 1) {
        const ended = await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 100))]);
        assert.ok(!ended, `it ended: ${JSON.stringify(ended)}`);
        response = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: archive }).catch(() => undefined);
      }
      assert.ok(response, "it does not answer");
      const text = await response.text();
      assert.equal(response.status, 200, text);
      assert.deepEqual(JSON.parse(text), { ...EXPECTED, pool: "unsupported" });
    } finally {
      process.kill(-(/** @type {number} */ (child.pid)));
      await done;
    }
  });
});
