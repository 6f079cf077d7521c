// @ts-check
/** Pools of workers: how they end, and what happens when they end early. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { createWorkerPool, openImage } from "../dist/index.js";
import { Pool } from "../dist/pool.js";
import { system } from "../dist/system/node.js";
import { single } from "./blobs.js";
import { DEMO, demoTree } from "./demo.js";
import { portolan } from "./fixtures.js";
import { nothingMoreIsOpen, openFiles, run, scratch } from "./scratch.js";
import * as tars from "./tar.js";
import { all, bytesFrom } from "./ways.js";

const AMD64 = { platform: "linux/amd64" };
const directory = scratch();
const large = Array.from({ length: 100 }, (_, at) => tars.file(`f${at}`, Buffer.alloc(300_000, `${at} `)));
const layout = single({ layers: [large, [tars.file("a", "1")], large, [tars.file("b", "2")]], compression: "none" });
await layout.write(join(directory, "large"));
const forms = { "files": () => join(directory, "large"), "streams": () => layout.source() };

test("a pool of any size gives the same answers", async () => {
  for (const size of [1, 2, 3]) {
    const pool = createWorkerPool({ size });
    assert.equal(pool.size, size);
    const images = await Promise.all(Array.from({ length: 4 }, () => openImage(DEMO, { ...AMD64, pool })));
    const trees = await Promise.all(images.map((image) => image.tree()));
    for (const tree of trees) assert.equal((await all(tree.walk())).length, demoTree("amd64").size);
    await Promise.all(images.map((image) => image.close()));
    await pool.close();
    assert.equal(pool.size, 0);
  }
  for (const size of [0, -1, 1.5, NaN]) assert.throws(() => createWorkerPool({ size }), RangeError);
});

test("a pool that is forgotten does not keep the process alive", async () => {
  const script = `
    const pool = portolan.createWorkerPool({ size: 2 });
    for (const source of [process.argv[2], new Blob([]), 0].slice(0, 1)) {
      const image = await portolan.openImage(source, { platform: "linux/amd64", pool });
      await image.tree();
      for await (const change of image.changes()) break;
      for await (const finding of image.verify()) console.log(finding);
    }
    console.log("done");`;
  const { code, stdout, stderr } = await run(script, { args: [DEMO] });
  assert.deepEqual([code, stdout, stderr], [0, "done\n", ""]);
});

test("work that failed, was aborted or left does not keep the process alive", async () => {
  const script = `
    const pool = portolan.createWorkerPool({ size: 2 });
    const open = (source) => portolan.openImage(source, { platform: "linux/amd64", pool });
    const image = await open(process.argv[2]);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 5);
    await image.tree({ signal: controller.signal }).then(() => console.log("made"), () => {});
    for await (const change of image.changes({ content: "all" })) break;
    for await (const finding of image.verify({ onProgress() {} })) break;
    const stream = await image.readFile("f1");
    await stream.cancel();
    // A custom place whose second layer is missing, and whose first is endless.
    const index = image.rawManifest;
    const source = {
      index: () => JSON.stringify({ schemaVersion: 2, manifests: [image.descriptor] }),
      read: async ({ digest }) => {
        if (digest === image.descriptor.digest) return image.rawManifest;
        if (digest === image.manifest.config.digest) return image.rawConfig;
        if (digest === image.layers[0].digest) return new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(65536)) });
        return undefined;
      },
    };
    const encoded = { ...source, index: () => new TextEncoder().encode(source.index()) };
    const broken = await open(encoded);
    await broken.tree().then(() => console.log("made"), ({ code }) => console.log(code));
    await pool.close();
    await broken.tree().then(() => console.log("made"), ({ code }) => console.log(code));
    for await (const change of broken.changes({ layer: 0 })) break;`;
  const { code, stdout } = await run(script, { args: [join(directory, "large")] });
  const lines = stdout.trim().split("\n");
  assert.equal(code, 1, "the last line of the script throws");
  assert.deepEqual([lines.length, lines[1]], [2, "invalid-state"]);
  assert.match(lines[0], /^(blob-not-found|size-mismatch|digest-mismatch)$/);
});

for (const [name, source] of Object.entries(forms)) {
  test(`closing a pool fails the work under way on ${name}, and all that comes later`, async () => {
    const open = openFiles();
    const pool = createWorkerPool({ size: 2 });
    const image = await openImage(source(), { ...AMD64, pool });
    const work = [image.tree(), all(image.changes({ content: "all" })), all(image.verify()), image.waste()];
    const settled = Promise.allSettled(work);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await pool.close();
    for (const outcome of await settled) {
      assert.equal(outcome.status, "rejected");
      assert.ok(portolan("invalid-state", "closed")(outcome.status === "rejected" && outcome.reason));
    }
    await assert.rejects(image.tree(), portolan("invalid-state"));
    await assert.rejects(all(image.changes()), portolan("invalid-state"));
    await assert.rejects(all(image.verify()), portolan("invalid-state"));
    await image.close();
    await pool.close();
    await nothingMoreIsOpen(open);
  });

  test(`a worker that dies fails its work on ${name}, and the others work on`, async () => {
    const open = openFiles();
    /** @type {(() => void)[]} */
    const kills = [];
    const pool = new Pool(2, () => {
      const begun = /** @type {NonNullable<typeof system.beginWorker>} */ (system.beginWorker)();
      kills.push(begun.terminate);
      return begun;
    });
    const image = await openImage(source(), { ...AMD64, pool });
    const tree = await image.tree();
    // As many as there are workers, so that each has something to do.
    const work = Promise.allSettled([all(image.changes({ content: "all", layer: 0 })), all(image.changes({ content: "all", layer: 2 }))]);
    await new Promise((resolve) => setTimeout(resolve, 10));
    kills[0]();
    const failed = (await work).filter(({ status }) => status === "rejected");
    assert.equal(failed.length, 1);
    // What lived in the one that died is gone with it; the rest goes to the other.
    await assert.rejects(all(tree.walk()), /worker/);
    await image.close();
    const again = await openImage(source(), { ...AMD64, pool });
    assert.equal((await all((await again.tree()).walk())).length, 103);
    assert.deepEqual(await all(again.verify()), []);
    kills[1]();
    await assert.rejects(all(again.changes()), /worker/);
    await again.close();
    await pool.close();
    await nothingMoreIsOpen(open);
  });

  test(`a tree on ${name} that is given up in the middle leaves the pool usable`, async () => {
    const pool = createWorkerPool({ size: 2 });
    const image = await openImage(source(), { ...AMD64, pool });
    for (let run = 0; run < 10; run += 1) {
      const controller = new AbortController();
      const reason = new Error("given up");
      let steps = 0;
      await assert.rejects(
        image.tree({ signal: controller.signal, onProgress: () => (steps += 1) > run % 3 && controller.abort(reason) }),
        (error) => error === reason,
      );
    }
    assert.equal((await all((await image.tree()).walk())).length, 103);
    assert.equal((await bytesFrom(image.readFile("f99"))).length, 300_000);
    await image.close();
    await pool.close();
  });
}

test("a pool works in a script without a file", async () => {
  const script = `
    import { createWorkerPool, openImage } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)};
    const image = await openImage(${JSON.stringify(DEMO)}, { platform: "linux/amd64", pool: createWorkerPool({ size: 1 }) });
    console.log((await image.waste()).paths.length > 0);`;
  assert.equal(execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8", timeout: 20_000 }), "true\n");
});

test("errors and their codes cross from a worker", async () => {
  const pool = createWorkerPool({ size: 1 });
  const image = await openImage(single({ layers: [[tars.file("../x", "1")]] }).source(), { ...AMD64, pool });
  await assert.rejects(all(image.changes()), portolan("invalid-path", "../x"));
  await assert.rejects(image.tree(), portolan("invalid-path", "../x"));
  await image.close();
  await pool.close();
});

test("a pool that cannot begin its workers fails the work", async () => {
  const pool = new Pool(1, () => {
    const begun = /** @type {NonNullable<typeof system.beginWorker>} */ (system.beginWorker)();
    begun.terminate();
    return begun;
  });
  const image = await openImage(DEMO, { ...AMD64, pool });
  await assert.rejects(image.tree(), /worker/);
  await image.close();
  await pool.close();
});
