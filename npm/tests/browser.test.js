// @ts-check
/** The package in Chromium: the same answers as in Node, a page that stays free, and the examples. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as portolan from "../dist/index.js";
import { inspectWasm } from "../dist/wasm.js";
import { Layout } from "./blobs.js";
import { answers } from "./browser/answers.js";
import { REPOSITORY } from "./components.js";
import { bundle, bundleWorker, executable, installed, launch, open, serve, traced } from "./chromium.js";
import { Registry } from "./registry.js";
import { dir, file, hardlink, opaque, symlink, whiteout } from "./tar.js";

const skip = executable ? false : "there is no Chromium here: `make setup` installs it";

const { openImage } = portolan;

const layout = new Layout();
const entries = [
  dir("etc"),
  file("etc/os-release", "NAME=Portolan\n"),
  file("etc/motd", "below"),
  dir("var"),
  file("var/old", "x".repeat(5000)),
  symlink("etc/link", "/etc/os-release"),
  hardlink("etc/second", "etc/os-release"),
  file(Buffer.from([0x64, 0xff, 0x65]), "not UTF-8"),
];
layout.tag(layout.image({ layers: [entries, [whiteout("etc/motd"), opaque("var"), file("var/new", "new")]] }), "latest");
const archive = layout.archive();

/** A layer of many files, whose decoding takes a while. */
function large() {
  const content = Buffer.alloc(8192);
  const files = [];
  for (let number = 0; number < 8_000; number += 1) {
    for (let at = 0; at < content.length; at += 4) content.writeUInt32LE(((number * 2654435761) ^ (at * 40503)) >>> 0, at);
    files.push(file(`usr/share/${number % 100}/${number}`, Buffer.from(content)));
  }
  const image = new Layout();
  return image.tag(image.image({ layers: [files, files.slice(0, 4000)] }), "latest").archive();
}

/** @type {{ folder: string, remove: () => void }} */
let place;
/** @type {Awaited<ReturnType<typeof serve>>} */
let server;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  if (skip) return;
  place = installed();
  const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
  await bundle(place.folder, here("browser"), "test");
  await bundle(place.folder, here("../examples/vite"), "vite");
  const site = join(place.folder, "site");
  await bundleWorker(place.folder, here("../examples/service-worker"), "service-worker");
  writeFileSync(join(site, "image.tar"), archive);
  writeFileSync(join(site, "service-worker/image.tar"), archive);
  writeFileSync(join(site, "large.tar"), large());
  server = await serve(site);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.close();
  place?.remove();
});

for (const workers of [0, 2]) {
  const how = workers > 0 ? "with workers" : "by itself";
  test(`a page ${how} answers as Node does, under a strict policy and with no request to others`, { skip }, async () => {
    const { page, complaints } = await open(browser, `${server.url}/test/`);
    await page.waitForFunction(() => "answers" in globalThis);
    const here = await answers(portolan, archive, { workers });
    const there = await page.evaluate(async (options) => {
      const blob = await (await fetch("../image.tar")).blob();
      return /** @type {any} */ (globalThis).answers(blob, options);
    }, { workers });
    assert.deepEqual([here.nodes.length, here.verified?.errors], [8, 0]);
    assert.deepEqual(there, JSON.parse(JSON.stringify(here)));
    assert.deepEqual(complaints, []);
    await page.close();
  });
}

test("a page reads WebAssembly, too, under a strict policy", { skip }, async () => {
  const { page, complaints } = await open(browser, `${server.url}/test/`);
  await page.waitForFunction(() => "answers" in globalThis);
  const component = readFileSync(join(REPOSITORY, "target/components/hasher.wasm"));
  const there = await page.evaluate((bytes) => /** @type {any} */ (globalThis).inspectWasm(Uint8Array.from(bytes)), [...component]);
  assert.deepEqual(there, await inspectWasm(component));
  assert.match(String(there.world), /resource hash/);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a stream, bytes and a directory handle are places of images in a page", { skip }, async () => {
  const { page, complaints } = await open(browser, `${server.url}/test/`);
  await page.waitForFunction(() => "answers" in globalThis);
  const kinds = await page.evaluate(async () => {
    const { openImage } = /** @type {any} */ (globalThis).portolan;
    const bytes = await (await fetch("../image.tar")).arrayBuffer();
    const root = await navigator.storage.getDirectory();
    const tar = await openImage(new Uint8Array(bytes));
    const write = async (/** @type {string} */ path, /** @type {any} */ content) => {
      const names = path.split("/");
      let directory = root;
      for (const name of names.slice(0, -1)) directory = await directory.getDirectoryHandle(name, { create: true });
      const writable = await (await directory.getFileHandle(String(names.at(-1)), { create: true })).createWritable();
      await writable.write(content);
      await writable.close();
    };
    const documents = [tar.descriptor, tar.manifest.config, ...tar.layers];
    for (const [descriptor, content] of documents.map((it) => [it, it === tar.descriptor ? tar.rawManifest : it === tar.manifest.config ? tar.rawConfig : new Uint8Array(1)])) {
      await write(`blobs/${descriptor.digest.replace(":", "/")}`, content);
    }
    await write("oci-layout", '{"imageLayoutVersion":"1.0.0"}');
    await write("index.json", JSON.stringify({ schemaVersion: 2, manifests: [tar.descriptor] }));
    const found = [];
    for (const source of [bytes, (await fetch("../image.tar")).body, root]) {
      const image = await openImage(source);
      found.push([image.kind, image.descriptor.digest]);
      await image.close();
    }
    // The layers were written wrong on purpose.
    const wrong = await openImage(root);
    const verification = wrong.verify();
    const codes = [];
    for await (const finding of verification) codes.push(finding.code);
    return { found, codes };
  });
  const { digest } = (await openImage(archive)).descriptor;
  assert.deepEqual(kinds.found, [["image layout archive", digest], ["image layout archive", digest], ["image layout", digest]]);
  assert.deepEqual(kinds.codes, ["size-mismatch", "size-mismatch"]);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("with workers the page is never held for a frame while layers are read", { skip }, async () => {
  const { page, complaints } = await open(browser, `${server.url}/test/`);
  await page.waitForFunction(() => "answers" in globalThis);
  // What it takes to load the package and compile the component is spent once.
  await page.evaluate(async () => {
    const { openImage } = /** @type {any} */ (globalThis).portolan;
    await openImage(await (await fetch("../image.tar")).blob());
  });
  const { result, tasks } = await traced(browser, () =>
    page.evaluate(async () => {
      const { createWorkerPool, openImage } = /** @type {any} */ (globalThis).portolan;
      const blob = await (await fetch("../large.tar")).blob();
      performance.mark("begin");
      const pool = createWorkerPool({ size: 2 });
      const image = await openImage(blob, { pool });
      let entries = 0;
      for await (const change of image.changes()) entries += change.type === "entry" ? 1 : 0;
      const tree = await image.tree();
      let nodes = 0;
      for await (const node of tree.walk()) nodes += node.kind === "file" ? 1 : 0;
      await image.close();
      await pool.close();
      performance.mark("end");
      return { entries, nodes };
    }),
  );
  assert.deepEqual(result, { entries: 12_000, nodes: 8_000 });
  assert.ok(tasks.length > 100, `${tasks.length} tasks of the page were traced`);
  const longest = Math.max(...tasks);
  assert.ok(longest <= 16, `a task of the page took ${longest} ms`);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("the example for Vite lists what is in a file that is chosen, and says what is wrong with one", { skip }, async () => {
  const { page, complaints } = await open(browser, `${server.url}/vite/`);
  await page.setInputFiles("#file", { name: "image.tar", mimeType: "application/x-tar", buffer: archive });
  await page.waitForFunction(() => document.querySelector("#state")?.textContent?.endsWith("all verified"));
  const listed = await page.textContent("#files");
  assert.match(String(listed), /^\/\n[\s\S]*etc\/os-release\n[\s\S]*var\/new\n/);
  assert.doesNotMatch(String(listed), /motd|old/);
  await page.setInputFiles("#file", { name: "nothing.tar", mimeType: "application/x-tar", buffer: Buffer.alloc(1024) });
  await page.waitForFunction(() => document.querySelector("#state")?.textContent?.includes("neither"));
  assert.deepEqual(complaints, []);
  await page.close();
});

test("the example of a service worker serves the files of an image", { skip }, async () => {
  const { page, complaints } = await open(browser, `${server.url}/service-worker/`);
  await page.waitForFunction(() => document.querySelector("#file")?.textContent !== "");
  assert.equal(await page.textContent("#file"), "NAME=Portolan\n");
  assert.equal(await page.evaluate(async () => (await fetch("files/etc/motd")).status), 404);
  assert.deepEqual(complaints.filter((line) => !line.includes("404")), []);
  await page.close();
});

test("a page reads images at a registry that lets it, and says why it cannot at others", { skip }, async () => {
  const registry = (await new Registry().start()).put(layout);
  registry.login = { username: "traveller", password: "sea" };
  registry.redirects = true;
  const cors = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Accept, Authorization, Content-Type, Content-Range, Range",
    "Access-Control-Expose-Headers": "Docker-Content-Digest, Link, Location, Range, WWW-Authenticate",
  };
  registry.headers = cors;
  const site = await serve(join(place.folder, "site"), [`http://${registry.name}`, `http://127.0.0.1:${registry.elsewhere}`]);
  const { page } = await open(browser, `${site.url}/test/`);
  try {
    await page.waitForFunction(() => "answers" in globalThis);
    const read = (/** @type {string} */ reference, /** @type {number} */ workers = 0) =>
      page.evaluate(async ({ reference, workers }) => {
        const { Registries, createWorkerPool, openImage } = /** @type {any} */ (globalThis).portolan;
        const pool = workers > 0 ? createWorkerPool({ size: workers }) : undefined;
        const registries = new Registries({ retries: 0, credentials: () => ({ username: "traveller", password: "sea" }) });
        try {
          const image = await openImage(reference, { registries, pool, platform: "linux/amd64" });
          const findings = [];
          for await (const { message } of image.verify()) findings.push(message);
          const text = await new Response(await image.readFile("etc/link", { verify: false })).text();
          await image.close();
          return { kind: image.kind, digest: image.descriptor.digest, findings, text };
        } catch (error) {
          return { code: /** @type {any} */ (error).code, message: /** @type {any} */ (error).message };
        } finally {
          await pool?.close();
        }
      }, { reference, workers });
    const { digest } = (await openImage(archive)).descriptor;
    for (const workers of [0, 2]) {
      assert.deepEqual(await read(`${registry.name}/app`, workers), { kind: "registry", digest, findings: [], text: "NAME=Portolan\n" });
    }
    const elsewhere = registry.seen.filter(({ port, method }) => port === registry.elsewhere && method === "GET");
    assert.ok(elsewhere.length >= 3, `${elsewhere.length} requests to the other port`);
    for (const { headers } of elsewhere) assert.equal(headers.authorization, undefined);
    // Bytes, a Blob, what is read from offsets, and a stream: none of them can be sent as it is read.
    registry.redirects = false;
    const pushed = await page.evaluate(async (name) => {
      const { Registries, toolkit } = /** @type {any} */ (globalThis).portolan;
      const registries = new Registries({ credentials: () => ({ username: "traveller", password: "sea" }) });
      const { digest } = await toolkit();
      const results = [];
      const content = (/** @type {number} */ number) => new Uint8Array(200_000).fill(number);
      const read = (/** @type {number} */ offset) => new Blob([content(3).subarray(offset)]).stream();
      for (const [number, how] of /** @type {[number, unknown][]} */ ([[1, content(1)], [2, new Blob([content(2)])], [3, read]])) {
        const descriptor = { mediaType: "application/octet-stream", digest: digest.compute(content(number)), size: 200_000 };
        results.push((await registries.pushBlob(name, descriptor, how, number === 2 ? {} : { chunk: 70_000 })).how);
      }
      results.push((await registries.pushStream(name, new Blob([content(4)]).stream())).how);
      return results;
    }, `${registry.name}/app`);
    assert.deepEqual(pushed, ["uploaded", "uploaded", "uploaded", "uploaded"]);
    registry.headers = {};
    const refused = await read(`${registry.name}/app`);
    assert.equal(refused.code, "registry-unreachable");
    assert.match(refused.message, /Failed to fetch.*CORS/);
    const word = await read("app.tar");
    assert.deepEqual([word.code, /no files here: hand over a File/.test(word.message)], ["unsupported", true]);
  } finally {
    await page.close();
    await site.close();
    await registry.close();
  }
});
