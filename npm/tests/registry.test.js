// @ts-check
/** Images at registries: one that does as it is told, and one as people run it. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Registries, listImages, listTags, openImage, referrers, unpack } from "../dist/index.js";
import { Layout, sha256 } from "./blobs.js";
import { DEMO, MOTD, PLATFORMS, TAG, demoTree, installed, skopeo } from "./demo.js";
import { portolan } from "./fixtures.js";
import { Registry } from "./registry.js";
import { run, scratch } from "./scratch.js";
import { dir, file, symlink, whiteout } from "./tar.js";
import { all, bytesFrom, ended, everyWay } from "./ways.js";

const directory = scratch();
const AMD64 = { platform: "linux/amd64" };
/** A file that does not compress, so that its layer takes several chunks. */
const LARGE = randomBytes(3 << 20);
const layout = new Layout();
const lower = [dir("etc"), file("etc/motd", "below"), file("etc/first", "first"), file("large", LARGE), symlink("link", "/etc/first")];
const image = layout.image({ layers: [lower, [whiteout("etc/motd"), file("etc/second", "second")]] });
layout.tag(layout.index([image, layout.image({ layers: [lower], platform: "linux/arm64" })]), "1.0").tag(image, "amd64");
const [large, small] = JSON.parse(String(layout.blobs.get(image.digest))).layers;
const blob = layout.blob("application/octet-stream", randomBytes(300_000));
const content = /** @type {Buffer<ArrayBuffer>} */ (layout.blobs.get(blob.digest));
/** Reads bytes from an offset on. @param {Uint8Array} bytes @returns {(offset: number) => ReadableStream<Uint8Array>} */
const reader = (bytes) => (offset) => new Blob([new Uint8Array(bytes.subarray(offset))]).stream();

/** @type {Registry} */
let registry;
/** The repository there. */
let app = "";

beforeEach(async () => {
  registry = (await new Registry().start()).put(layout);
  app = `${registry.name}/app`;
});
afterEach(() => registry.close());

/** How often blobs were asked for. */
const fetched = () => registry.seen.filter(({ method, path }) => method === "GET" && path.includes("/blobs/")).map(({ path }) => path.split("/").at(-1));
/** @param {() => boolean} condition */
async function soon(condition) {
  for (let tries = 0; tries < 250 && !condition(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(condition(), String(condition));
}
/** A port that nobody listens on. */
const freePort = () => new Promise((/** @type {(port: number) => void} */ resolve) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
    server.close(() => resolve(port));
  });
});
/** Registries that nothing is known of. @param {import("../dist/index.js").RegistryOptions} [options] */
const anonymous = (options) => new Registries({ credentials: () => undefined, ...options });

everyWay((way) => {
  test("an image at a registry answers as one in a file does", async () => {
    const archive = await openImage(layout.archive(), { ...way, ...AMD64, tag: "1.0" });
    const opened = await openImage(`${app}:1.0`, { ...way, ...AMD64 });
    assert.equal(opened.kind, "registry");
    assert.deepEqual([opened.descriptor, opened.indexes.length, opened.layers, opened.config], [archive.descriptor, 1, archive.layers, archive.config]);
    assert.deepEqual((await opened.platforms()).map(({ platform }) => platform?.architecture), ["amd64", "arm64"]);
    const nodes = await all((await opened.tree()).walk());
    assert.deepEqual(nodes, await all((await archive.tree()).walk()));
    assert.deepEqual(await bytesFrom(opened.readFile("link")), Buffer.from("first"));
    assert.ok((await bytesFrom(opened.readFile("large"))).equals(LARGE));
    assert.deepEqual(await all(opened.changes({ layer: 1, content: "all" })), await all(archive.changes({ layer: 1, content: "all" })));
    const { list, result } = await ended(opened.verify({ everything: true }));
    assert.deepEqual([list, result.layers, result.errors], [[], 2, 0]);
    const place = join(mkdtempSync(join(directory, "p-")), "rootfs");
    assert.deepEqual((await unpack(opened, place)).withheld, []);
    assert.equal(readFileSync(join(place, "etc/second"), "utf8"), "second");
    const arm = await opened.select({ platform: "linux/arm64" });
    assert.equal(arm.layers.length, 1);
    for (const it of [archive, opened, arm]) await it.close();
  });

  test("what is wrong with a layer is found as in a file", async () => {
    const wrong = Buffer.from(/** @type {Buffer} */ (registry.blobs.get(small.digest)));
    wrong[wrong.length >> 1] ^= 1;
    registry.blobs.set(small.digest, wrong);
    registry.blobs.delete(large.digest);
    const opened = await openImage(`${app}:1.0`, { ...way, ...AMD64 });
    const { list } = await ended(opened.verify());
    assert.deepEqual(list.map(({ code, digest }) => [code, digest]).sort(), [["blob-not-found", large.digest], ["digest-mismatch", small.digest]]);
    await assert.rejects(opened.tree(), portolan("blob-not-found", large.digest));
    await opened.close();
  });

  test("whoever has seen enough of a layer does not download the rest", async () => {
    const opened = await openImage(`${app}:1.0`, { ...way, ...AMD64 });
    await opened.tree();
    registry.seen = [];
    // A second and a half of it.
    registry.pace = 2 << 20;
    const ways = [
      async () => assert.equal(String(await bytesFrom(opened.readFile("etc/first", { verify: false }))), "first"),
      async () => {
        const reader = (await opened.readFile("etc/first")).getReader();
        assert.equal(String((await reader.read()).value?.length), "5");
        await reader.cancel();
      },
      async () => {
        for await (const change of opened.changes({ layer: 0 })) if (change.type === "entry") break;
      },
    ];
    for (const [index, read] of ways.entries()) {
      await read();
      await soon(() => registry.seen[index]?.ended === true);
      const { path, sent = 0 } = registry.seen[index] ?? {};
      assert.ok(path?.endsWith(large.digest) && sent < large.size / 2, `${index}: ${sent} bytes of ${large.size}`);
    }
    await opened.close();
  });

  test("a download is given up with its signal, whether anything comes or not", async () => {
    const opened = await openImage(`${app}:1.0`, { ...way, ...AMD64 });
    registry.instead = (_, response) => {
      response.writeHead(200, { "Content-Length": large.size });
      response.write(Buffer.from(/** @type {Buffer} */ (registry.blobs.get(large.digest)).subarray(0, 100)));
      return true;
    };
    const signal = AbortSignal.timeout(100);
    await assert.rejects(opened.tree({ signal }), (error) => error === signal.reason);
    await opened.close();
  });
});

test("opening fetches documents, and of those none twice", async () => {
  const opened = await openImage(`docker://${app}:1.0`, AMD64);
  assert.deepEqual(fetched(), [opened.manifest.config.digest]);
  assert.equal(registry.count("GET", "/manifests/"), 2);
  assert.deepEqual((await listImages(`${app}:1.0`)).length, 2);
  assert.deepEqual(await listTags(app), ["1.0", "amd64"]);
  const byDigest = await openImage(`${app}@${image.digest}`);
  assert.deepEqual(byDigest.indexes, []);
  await assert.rejects(openImage(`${app}:nothing`), portolan("reference-not-found", "nothing"));
  await assert.rejects(openImage("docker://Nobody/Is Here"), portolan("invalid-reference"));
});

test("tokens are bought with the credentials that are given, and no other port sees one", async () => {
  registry.login = { username: "traveller", password: "sea" };
  registry.redirects = true;
  /** @type {string[]} */
  const asked = [];
  const registries = new Registries({ credentials: async (name) => (asked.push(name), registry.login) });
  const opened = await openImage(`${app}:1.0`, { ...AMD64, registries });
  assert.deepEqual((await ended(opened.verify())).list, []);
  assert.deepEqual(asked, [registry.name]);
  assert.equal(registry.count("GET", "/token"), 1);
  const elsewhere = registry.seen.filter(({ port }) => port === registry.elsewhere);
  assert.ok(elsewhere.length >= 3);
  for (const { headers } of registry.seen) assert.equal(headers["accept-encoding"], "identity");
  for (const { headers } of elsewhere) assert.equal(headers.authorization, undefined);
  await assert.rejects(anonymous().resolve(`${app}:1.0`), portolan("unauthorized", registry.name));
  await assert.rejects(openImage(`${app}:1.0`, { registry: { credentials: () => ({ username: "traveller", password: "desert" }) } }), portolan("unauthorized"));
  await assert.rejects(new Registries({ credentials: () => Promise.reject(new Error("locked")) }).ping(registry.name), /locked/);
  await assert.rejects(new Registries({ credentials: () => ({ token: "no\nheader" }) }).ping(registry.name), portolan("registry-unreachable", "Authorization cannot be a header"));
});

test("Node finds credentials where Docker keeps them, and asks the helpers that are named there", async () => {
  const home = mkdtempSync(join(directory, "home-"));
  registry.login = { username: "traveller", password: "sea" };
  const script = `console.log((await portolan.listTags(process.argv[2])).join());`;
  const env = { HOME: home, DOCKER_CONFIG: home, PATH: `${home}:${process.env.PATH}`, XDG_RUNTIME_DIR: "", REGISTRY_AUTH_FILE: "" };
  const said = async () => {
    const { stdout, stderr } = await run(script, { args: [app], env });
    return stdout.trim() || /PortolanError: (.*)/.exec(stderr)?.[1] || stderr;
  };
  assert.match(await said(), /401/);
  const config = (/** @type {unknown} */ value) => writeFileSync(join(home, "config.json"), typeof value === "string" ? value : JSON.stringify(value));
  config({ auths: { [registry.name]: { auth: Buffer.from("traveller:sea").toString("base64") } } });
  assert.equal(await said(), "1.0,amd64");
  config({ credHelpers: { [registry.name]: "test" } });
  assert.match(await said(), /docker-credential-test get: .*ENOENT/);
  const helper = (/** @type {string} */ code) => writeFileSync(join(home, "docker-credential-test"), `#!/bin/sh\nread server\n${code}\n`);
  helper(`printf '{"ServerURL":"%s","Username":"traveller","Secret":"sea"}' "$server"`);
  chmodSync(join(home, "docker-credential-test"), 0o755);
  assert.equal(await said(), "1.0,amd64");
  helper("echo credentials not found in native keychain; exit 1");
  assert.match(await said(), /401/);
  helper("echo the chain is locked; exit 1");
  assert.match(await said(), /the chain is locked/);
  config("{");
  assert.match(await said(), /config\.json: /);
});

test("a body that breaks off is gone on with where it broke", async () => {
  const cut = new Set();
  registry.instead = ({ url = "", method, headers }, response) => {
    const found = registry.blobs.get(String(url.split("/").at(-1)));
    if (method !== "GET" || !found || found.length < 1000 || cut.size === 3) return;
    const start = Number(headers.range?.match(/^bytes=(\d+)-/)?.[1] ?? 0);
    cut.add(start);
    response.writeHead(start > 0 ? 206 : 200, {
      "Content-Length": String(found.length - start),
      ...(start > 0 && { "Content-Range": `bytes ${start}-${found.length - 1}/${found.length}` }),
    });
    response.write(found.subarray(start, start + 100_000), () => response.destroy());
    return true;
  };
  const opened = await openImage(`${app}:1.0`, { ...AMD64, registries: anonymous() });
  assert.ok((await bytesFrom(opened.readFile("large"))).equals(LARGE));
  assert.equal(cut.size, 3);
  // Where parts are not to be had, what is known is left out.
  let tries = 0;
  registry.instead = ({ method }, response) => {
    if (method !== "GET" || tries++ > 1) return;
    response.writeHead(200, { "Content-Length": String(content.length) });
    response.write(content.subarray(0, 1000), () => response.destroy());
    return true;
  };
  assert.ok(Buffer.concat(await all(anonymous().fetch(app, blob))).equals(content));
  // One that never gets any further is an error, and so is one that is too short.
  registry.instead = ({ method }, response) => (method === "GET" ? (response.writeHead(200, { "Content-Length": "5" }), response.write("a", () => response.destroy()), true) : undefined);
  await assert.rejects(all(anonymous({ retries: 1 }).fetch(app, { ...blob, size: 5 })), portolan("registry-unreachable", "1 of 5 bytes"));
  registry.instead = (_, response) => (response.end(content.subarray(0, 10)), true);
  await assert.rejects(all(anonymous({ retries: 1 }).fetch(app, blob)), portolan("size-mismatch", "10", "300000"));
});

test("silence and a body that nobody reads end a connection, and not the download", async () => {
  let silent = 0;
  registry.instead = ({ method, url = "" }, response) => {
    if (method !== "GET" || !url.includes(blob.digest) || silent++ > 1) return;
    // First no answer at all, then one that stops.
    if (silent === 2) {
      response.writeHead(200, { "Content-Length": String(content.length) });
      response.write(content.subarray(0, 100_000));
    }
    return true;
  };
  const registries = anonymous({ patience: 200 });
  assert.ok(Buffer.concat(await all(registries.fetch(app, blob))).equals(content));
  assert.deepEqual(registry.seen.map(({ headers }) => headers.range), [undefined, undefined, "bytes=100000-"]);
  registry.pace = 1 << 20;
  registry.seen = [];
  const parts = [];
  for await (const chunk of registries.fetch(app, blob)) {
    if (parts.length === 0) await soon(() => registry.seen[0]?.ended === true);
    parts.push(chunk);
  }
  assert.ok(Buffer.concat(parts).equals(content));
  assert.match(String(registry.seen[1]?.headers.range), /^bytes=\d+-$/);
});

test("a registry that asks to wait is waited for, one that is gone is not for ever", async () => {
  let refused = 0;
  registry.instead = (_, response) => (refused++ < 1 ? (response.writeHead(429, { "Retry-After": "1" }).end(), true) : undefined);
  const begun = performance.now();
  assert.deepEqual(await anonymous().tags(app), ["1.0", "amd64"]);
  assert.ok(performance.now() - begun >= 990);
  const signal = AbortSignal.timeout(50);
  refused = 0;
  await assert.rejects(anonymous().tags(app, { signal }), (error) => error === signal.reason);
  refused = -10;
  await assert.rejects(anonymous({ retries: 0 }).tags(app), portolan("registry-unreachable", "429"));
  await assert.rejects(anonymous({ signal: AbortSignal.abort("closed") }).tags(app), /closed/);
  await assert.rejects(anonymous({ retries: 1 }).ping(`127.0.0.1:${await freePort()}`), portolan("registry-unreachable", "ECONNREFUSED"));
  await assert.rejects(openImage("nobody-has-this-file", { registry: { transport: "plain", retries: 0, fetch: () => Promise.reject(new TypeError("fetch failed", { cause: new Error("no route") })) } }), portolan("registry-unreachable", "no route", "no file nobody-has-this-file either"));
});

test("what registries answer is not believed", async () => {
  const wrong = { mediaType: "application/vnd.oci.image.manifest.v1+json", bytes: Buffer.from(String(registry.manifests.get(image.digest)?.bytes).replace("{", "{ ")) };
  registry.manifests.set(image.digest, wrong);
  await assert.rejects(openImage(`${app}@${image.digest}`), portolan("digest-mismatch", image.digest));
  registry.blobs.set(blob.digest, Buffer.from(content).fill(0, 0, 1));
  await assert.rejects(all(anonymous().fetch(app, blob)), portolan("digest-mismatch", blob.digest));
  assert.equal(Buffer.concat(await all(anonymous().fetch(app, blob, { offset: 299_990 }))).length, 10);
  registry.headers = { "Content-Encoding": "gzip" };
  await assert.rejects(anonymous({ retries: 0 }).fetch(app, blob).next(), portolan("invalid-response", "gzip"));
  registry.headers = { Warning: '299 - "the first, and old", 299 - "the second"' };
  const registries = anonymous();
  await registries.tags(app);
  assert.deepEqual(registries.takeWarnings(), ["the first, and old", "the second"]);
  assert.deepEqual(registries.takeWarnings(), []);
});

test("blobs are pushed as bytes, as a Blob, read from offsets, in chunks and as streams", async () => {
  registry.login = { username: "traveller", password: "sea" };
  const registries = new Registries({ credentials: () => registry.login });
  const read = reader(content);
  for (const [how, chunk] of /** @type {const} */ ([[content], [new Blob([content])], [read], [content, 100_000], [new Blob([content]), 100_000], [read, 70_000]])) {
    registry.blobs.delete(blob.digest);
    registry.seen = [];
    assert.deepEqual(await registries.pushBlob(app, blob, how, { chunk }), { how: "uploaded", digest: blob.digest });
    assert.ok(registry.blobs.get(blob.digest)?.equals(content));
    const sent = registry.seen.filter(({ method }) => method === "PUT" || method === "PATCH").map(({ headers }) => Number(headers["content-length"]));
    assert.deepEqual([sent.reduce((sum, length) => sum + length), sent.length], [content.length, Math.ceil(content.length / (chunk ?? content.length))]);
  }
  assert.equal((await registries.pushBlob(app, blob, content)).how, "present");
  assert.equal(await registries.has(app, blob), true);
  registry.instead = ({ method }, response) => (method === "HEAD" ? (response.writeHead(404).end(), true) : undefined);
  assert.equal((await registries.pushBlob(app, blob, content, { mountFrom: ["other"] })).how, "mounted");
  registry.instead = () => {};
  const streamed = randomBytes(500_000);
  assert.deepEqual(await registries.pushStream(app, new Blob([streamed]).stream()), { how: "uploaded", digest: sha256(streamed), size: streamed.length });
  assert.ok(registry.blobs.get(sha256(streamed))?.equals(streamed));
  await assert.rejects(registries.deleteBlob(app, `sha256:${"0".repeat(64)}`), portolan("blob-not-found"));
});

test("bytes that are not what they should be are not pushed", async () => {
  const registries = anonymous({ retries: 0 });
  const wrong = Buffer.from(content).fill(0, 0, 1);
  registry.blobs.delete(blob.digest);
  for (const how of [wrong, new Blob([wrong]), reader(wrong)]) await assert.rejects(registries.pushBlob(app, blob, how), portolan("digest-mismatch", blob.digest));
  await assert.rejects(registries.pushBlob(app, blob, reader(content.subarray(0, 1000))), portolan("size-mismatch"));
  await assert.rejects(registries.pushBlob(app, blob, () => Promise.reject(new Error("the disk is gone"))), /the disk is gone/);
  const signal = AbortSignal.timeout(100);
  const endless = async function* () {
    for (;;) yield await new Promise((/** @type {(bytes: Uint8Array) => void} */ resolve) => setTimeout(() => resolve(new Uint8Array(100)), 10));
  };
  await assert.rejects(registries.pushStream(app, endless(), { signal }), (error) => error === signal.reason);
  assert.equal(registry.blobs.has(blob.digest), false);
});

test("manifests are pushed with their tags, found by what they refer to, and deleted", async () => {
  const registries = anonymous();
  const signature = layout.json("application/vnd.oci.image.manifest.v1+json", {
    schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", artifactType: "application/vnd.test.signature",
    config: { mediaType: "application/vnd.oci.empty.v1+json", digest: sha256(Buffer.from("{}")), size: 2, data: "e30=" }, layers: [],
    subject: { mediaType: image.mediaType, digest: image.digest, size: image.size },
  });
  const bytes = /** @type {Buffer} */ (layout.blobs.get(signature.digest));
  await registries.pushManifest(`${app}:signed`, signature, bytes);
  assert.equal((await registries.stat(`${app}:signed`))?.digest, signature.digest);
  assert.deepEqual((await registries.resolve(`${app}:signed`)).bytes, new Uint8Array(bytes));
  // This registry has no API for referrers, so that they are listed under a tag.
  const listed = await registries.referrers(app, image.digest);
  assert.deepEqual(listed.map(({ digest, artifactType }) => [digest, artifactType]), [[signature.digest, "application/vnd.test.signature"]]);
  assert.deepEqual(await referrers(`${app}:amd64`), listed);
  assert.deepEqual(await referrers(`${app}:amd64`, { artifactType: "application/other" }), []);
  const opened = await openImage(`${app}:1.0`, AMD64);
  assert.deepEqual(await opened.referrers(), listed);
  assert.deepEqual(await opened.referrers({ digest: opened.indexes[0]?.digest }), []);
  assert.deepEqual(await opened.blob(signature), new Uint8Array(bytes));
  await registries.delete(`${app}:signed`);
  assert.equal(await registries.stat(`${app}:signed`), undefined);
  await assert.rejects(registries.delete(app), portolan("invalid-reference", "tag or digest"));
});

test("the command line reads images at registries", async () => {
  const cli = async (/** @type {string[]} */ ...args) => {
    const found = await promisify(execFile)(process.execPath, [fileURLToPath(new URL("../dist/cli.js", import.meta.url)), ...args]).catch((error) => error);
    return { code: found.code ?? 0, stdout: found.stdout, stderr: found.stderr };
  };
  assert.match((await cli("inspect", "-p", "linux/arm64", `${app}:1.0`)).stdout, /^image .*\(registry\)$/m);
  assert.match((await cli("platforms", "--plain-http", `docker://${app}:1.0`)).stdout, /linux\/arm64$/m);
  assert.match((await cli("verify", `${app}:1.0`)).stdout, /no errors$/m);
  const { code, stderr } = await cli("tree", `${app}:2.0`);
  assert.deepEqual([code, /^error: .*2\.0/.test(stderr)], [2, true]);
});

/** Debian's registry in a directory of its own. @returns {Promise<{ name: string, stop: () => Promise<void> }>} */
async function debian() {
  const place = mkdtempSync(join(directory, "registry-"));
  const name = `127.0.0.1:${await freePort()}`;
  const config = join(place, "config.yml");
  mkdirSync(join(place, "storage"));
  writeFileSync(config, `version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: ${place}/storage\n  delete:\n    enabled: true\nhttp:\n  addr: ${name}\n`);
  const child = spawn("docker-registry", ["serve", config], { stdio: "ignore", env: { ...process.env, OTEL_TRACES_EXPORTER: "none" } });
  const ended = once(child, "exit");
  const registries = new Registries({ credentials: () => undefined, retries: 0 });
  for (let tries = 0; tries < 100; tries += 1) {
    if (await registries.ping(name).then(() => true, () => false)) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { name, stop: async () => (child.kill(), void (await ended)) };
}

const lacking = ["docker-registry", "skopeo"].find((program) => !installed(program));

test("what skopeo pushed to Debian's registry is read from there, and what is pushed there skopeo reads", { skip: lacking && `${lacking} is not installed` }, async () => {
  const { name, stop } = await debian();
  try {
    skopeo("--all", "--dest-tls-verify=false", `oci:${DEMO}:${TAG}`, `docker://${name}/demo:${TAG}`);
    const registries = anonymous();
    for (const platform of PLATFORMS) {
      const opened = await openImage(`${name}/demo:${TAG}`, { platform, registries });
      const local = await openImage(DEMO, { platform, tag: TAG });
      assert.deepEqual([opened.descriptor.digest, opened.config], [local.descriptor.digest, local.config]);
      assert.deepEqual((await ended(opened.verify())).result.errors, 0);
      for (const it of [opened, local]) await it.close();
    }
    const opened = await openImage(`${name}/demo:${TAG}`, { ...AMD64, registries });
    assert.deepEqual((await all((await opened.tree()).walk())).map(({ path }) => path), [...demoTree("amd64").keys()]);
    assert.equal(String(await bytesFrom(opened.readFile("/etc/motd"))), MOTD);
    await opened.close();

    // All of it to another repository, by every way to push.
    const source = (/** @type {string} */ digest) => new Uint8Array(readFileSync(join(DEMO, "blobs", digest.replace(":", "/"))));
    const [top] = JSON.parse(readFileSync(join(DEMO, "index.json"), "utf8")).manifests;
    const push = async (/** @type {any} */ descriptor, /** @type {string[]} */ tags) => {
      const bytes = source(descriptor.digest);
      const { manifests = [], config, layers = [] } = JSON.parse(Buffer.from(bytes).toString());
      for (const manifest of manifests) await push(manifest, []);
      for (const [index, blob] of [...(config ? [config] : []), ...layers].entries()) {
        const content = source(blob.digest);
        const ways = [content, new Blob([content]), reader(content)];
        await registries.pushBlob(`${name}/copy`, blob, ways[index % 3], index % 2 ? { chunk: 5000 } : {});
      }
      await registries.pushManifest(`${name}/copy`, descriptor, bytes, { tags });
    };
    await push(top, ["1.0", "latest"]);
    const streamed = await registries.pushStream(`${name}/copy`, new Blob([LARGE]));
    assert.deepEqual(streamed, { how: "uploaded", digest: sha256(LARGE), size: LARGE.length });
    assert.equal((await registries.pushBlob(`${name}/demo`, { mediaType: "application/octet-stream", ...streamed }, LARGE, { mountFrom: ["copy"] })).how, "mounted");
    assert.deepEqual((await listTags(`${name}/copy`, { registries })).sort(), ["1.0", "latest"]);
    const back = join(mkdtempSync(join(directory, "back-")), "layout");
    skopeo("--all", "--src-tls-verify=false", `docker://${name}/copy:latest`, `oci:${back}:latest`);
    const [found] = JSON.parse(readFileSync(join(back, "index.json"), "utf8")).manifests;
    assert.equal(found.digest, top.digest);
    await registries.delete(`${name}/copy@${top.digest}`);
    assert.equal(await registries.stat(`${name}/copy:latest`), undefined);
  } finally {
    await stop();
  }
});
