// @ts-check
/** Memory: what streams is not held, and what is closed is freed. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { once } from "node:events";
import { createGzip } from "node:zlib";
import { Layout, MEDIA } from "./blobs.js";
import { DEMO } from "./demo.js";
import { run } from "./scratch.js";
import * as tars from "./tar.js";

const MIB = 1 << 20;
const directory = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "portolan-memory-"));
after(() => rmSync(directory, { recursive: true, force: true }));

/** Files of half a gibibyte each: every 16th piece is noise, the others are zeros. */
const FILES = 4;
const FILE = 512 * MIB;
let size = 0;

before(async () => {
  const layout = new Layout();
  const [diffId, digest] = [createHash("sha256"), createHash("sha256")];
  mkdirSync(join(directory, "blobs/sha256"), { recursive: true });
  const blob = join(directory, "blobs/sha256/layer");
  const gzip = createGzip({ level: 1, chunkSize: MIB });
  const out = createWriteStream(blob);
  gzip.on("data", (data) => {
    digest.update(data);
    size += data.length;
  });
  gzip.pipe(out);
  /** @param {Buffer} bytes */
  const write = async (bytes) => {
    diffId.update(bytes);
    if (!gzip.write(bytes)) await once(gzip, "drain");
  };
  const noise = Buffer.alloc(MIB);
  for (let at = 0, state = 7; at < MIB; at += 1) noise[at] = (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 24;
  const zeros = Buffer.alloc(MIB);
  for (let number = 0; number < FILES; number += 1) {
    await write(tars.tar([tars.file(`f${number}`, "", { size: FILE })]).subarray(0, tars.BLOCK));
    for (let written = 0; written < FILE; written += MIB) await write((written / MIB) % 16 === 0 ? noise : zeros);
  }
  await write(Buffer.alloc(2 * tars.BLOCK));
  gzip.end();
  await once(out, "close");
  const named = `sha256:${digest.digest("hex")}`;
  const { renameSync } = await import("node:fs");
  renameSync(blob, join(directory, "blobs", named.replace(":", "/")));
  const config = layout.json(MEDIA.config, { os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [`sha256:${diffId.digest("hex")}`] } });
  const layer = { mediaType: `${MEDIA.layer}+gzip`, digest: named, size };
  layout.tag(layout.json(MEDIA.manifest, { schemaVersion: 2, mediaType: MEDIA.manifest, config, layers: [layer] }), "large");
  await layout.write(directory);
  assert.equal(statSync(join(directory, "blobs", named.replace(":", "/"))).size, size);
});

/** What stands before and after every script: the highest resident set, sampled while it runs and by the kernel. */
const MEASURE = `
  let most = 0;
  let seen = 0;
  // Work in this thread leaves timers no time.
  const sample = () => (seen += 1) % 64 === 0 && (most = Math.max(most, process.memoryUsage.rss()));
  const timer = setInterval(sample, 1);
  const done = (more) => { clearInterval(timer); console.log(JSON.stringify({ rss: most / ${MIB}, kernel: process.resourceUsage().maxRSS / 1024, ...more })); };
  const open = (pool) => portolan.openImage(process.argv[2], { platform: "linux/amd64", pool });`;

/** Runs a script up to three times, until it stays below a limit: a collector that comes late is no leak. @param {string} script @param {number} most @param {import("node:test").TestContext} t */
async function lightest(script, most, t) {
  let best;
  for (let turn = 0; turn < 3 && !(best && best.rss * MIB < most * 1e6); turn += 1) {
    const { code, stdout, stderr } = await run(script, { args: [directory], seconds: 120 });
    assert.deepEqual([code, stderr], [0, ""]);
    const measured = JSON.parse(stdout);
    t.diagnostic(`${measured.rss.toFixed(0)} MiB sampled, ${measured.kernel.toFixed(0)} MiB by the kernel`);
    if (!best || measured.rss < best.rss) best = measured;
  }
  return best;
}

// Every worker has an engine of its own, of about 25 MB before it does anything.
for (const [name, begin, most] of /** @type {const} */ ([["in this thread", "undefined", 150], ["in a pool of two", "portolan.createWorkerPool({ size: 2 })", 250]])) {
  test(`a layer of 2 GiB streams with its contents in under ${most} MB ${name}`, async (t) => {
    const script = `${MEASURE}
      const image = await open(${begin});
      let bytes = 0;
      for await (const change of image.changes({ content: "all" })) {
        if (change.type === "content") bytes += change.bytes.length;
        sample();
      }
      done({ bytes });`;
    const { rss, bytes } = await lightest(script, most, t);
    assert.equal(bytes, FILES * FILE);
    assert.ok(rss * MIB < most * 1e6, `${rss} MiB`);
  });

  test(`a slow reader of a file of 512 MiB paces the layer ${name}`, async (t) => {
    const script = `${MEASURE}
      const image = await open(${begin});
      let bytes = 0;
      let chunks = 0;
      for await (const chunk of await image.readFile("f1")) {
        bytes += chunk.length;
        if ((chunks += 1) % 64 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        sample();
      }
      done({ bytes });`;
    const { rss, bytes } = await lightest(script, most, t);
    assert.equal(bytes, FILE);
    assert.ok(rss * MIB < most * 1e6, `${rss} MiB`);
  });

  test(`images and trees that are opened and closed two hundred times do not pile up ${name}`, async (t) => {
    const script = `${MEASURE}
      const pool = ${begin};
      const round = async () => {
        const image = await open(pool);
        for await (const node of (await image.tree()).walk("etc/*"));
        for await (const change of image.changes({ layer: 1 }));
        await (await image.readFile("etc/motd")).cancel();
        await image.close();
      };
      const rss = [];
      for (let turn = 0; turn < 200; turn += 1) {
        await round();
        if (turn % 50 === 49) {
          globalThis.gc();
          await new Promise((resolve) => setTimeout(resolve, 50));
          globalThis.gc();
          rss.push(process.memoryUsage().rss / ${MIB});
        }
      }
      done({ after: rss });`;
    const { code, stdout, stderr } = await run(script, { args: [DEMO], seconds: 120, flags: ["--expose-gc"] });
    assert.deepEqual([code, stderr], [0, ""]);
    const { after: rss } = JSON.parse(stdout);
    t.diagnostic(`${rss.map((/** @type {number} */ it) => it.toFixed(0)).join(", ")} MiB after 50, 100, 150 and 200`);
    assert.ok(rss[3] - rss[1] < 30, `${rss[3] - rss[1]} MiB more after 200 than after 100`);
  });
}
