// @ts-check
/** Giving up: every operation fails with the signal's reason, soon, and leaves nothing. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { listImages, openImage, unpack } from "../dist/index.js";
import { single } from "./blobs.js";
import { DEMO, archiveOf } from "./demo.js";
import { nothingMoreIsOpen, openFiles, run, scratch } from "./scratch.js";
import * as tars from "./tar.js";
import { all, bytesFrom, everyWay } from "./ways.js";

/** @typedef {import("../dist/index.js").Image} Image */

const AMD64 = { platform: "linux/amd64" };
const directory = scratch();
// Many batches and many chunks: about 50 MB, of which a third cannot be compressed.
const noise = Buffer.alloc(64 << 10);
for (let at = 0, state = 1; at < noise.length; at += 1) noise[at] = (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 24;
const large = Array.from({ length: 150 }, (_, at) => tars.file(`f${at}`, Buffer.concat([noise, Buffer.alloc(100_000, at)])));
const layout = single({ layers: [large, large.map((entry) => ({ ...entry, name: `g/${entry.name}` })), [tars.file("f0", "1")]] });
await layout.write(join(directory, "large"));
writeFileSync(join(directory, "large.tar"), layout.archive());

/** A signal that is aborted soon. The timers of `AbortSignal.timeout` keep no process alive. */
function soon() {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new DOMException("waited long enough", "TimeoutError")), 30);
  return controller.signal;
}

/** A signal that is aborted when something was counted so often. @param {number} times */
function after(times) {
  const controller = new AbortController();
  const reason = new Error("given up");
  return { signal: controller.signal, reason, count: () => (times -= 1) === 0 && controller.abort(reason) };
}

everyWay((way) => {
  test("a signal that is aborted already ends everything at once", async () => {
    const open = openFiles();
    const reason = new Error("given up");
    const signal = AbortSignal.abort(reason);
    const is = (/** @type {unknown} */ error) => error === reason;
    for (const source of [DEMO, join(directory, "large.tar"), archiveOf(DEMO), gzipSync(archiveOf(DEMO)), layout.source(), new Blob([archiveOf(DEMO)]).stream()]) {
      await assert.rejects(openImage(source, { ...way, ...AMD64, signal }), is);
      if (!(source instanceof ReadableStream)) await assert.rejects(listImages(source, { signal }), is);
    }
    for (const source of [DEMO, archiveOf(DEMO), new Blob([archiveOf(DEMO)]), layout.source()]) {
      const image = await openImage(source, { ...way, ...AMD64 });
      for (const made of [false, true]) {
        if (made) await image.tree();
        /** @type {Record<string, () => Promise<unknown>>} */
        const operations = {
          platforms: () => image.platforms({ signal }),
          select: () => image.select(AMD64, { signal }),
          changes: () => all(image.changes({ signal })),
          contents: () => all(image.changes({ signal, content: "all" })),
          tree: () => image.tree({ signal }),
          readFile: async () => bytesFrom(await image.readFile("f0", { signal })),
          waste: () => image.waste({ signal }),
          verify: () => all(image.verify({ signal })),
          unpack: () => unpack(image, join(directory, "never"), { signal }),
        };
        for (const [name, operation] of Object.entries(operations)) await assert.rejects(operation(), is, name);
      }
      // It is as good as before.
      assert.ok((await all(image.changes())).length > 0);
      await image.close();
    }
    assert.ok(!readdirSync(directory).some((name) => name.includes("never")));
    await nothingMoreIsOpen(open);
  });

  for (const [name, source] of /** @type {[string, () => any][]} */ ([
    ["a layout", () => join(directory, "large")],
    ["an archive", () => join(directory, "large.tar")],
    ["an object", () => layout.source()],
    ["a Blob", () => new Blob([layout.archive()])],
  ])) {
    test(`a signal in the middle ends what reads ${name}, and the image stays good`, async () => {
      const open = openFiles();
      const image = await openImage(source(), { ...way, ...AMD64 });
      {
        const { signal, reason, count } = after(10);
        await assert.rejects(async () => {
          for await (const _ of image.changes({ signal, content: "all" })) count();
        }, (error) => error === reason);
      }
      {
        const { signal, reason, count } = after(3);
        await assert.rejects(image.tree({ signal, onProgress: count }), (error) => error === reason);
      }
      {
        const { signal, reason, count } = after(3);
        await assert.rejects(all(image.verify({ signal, onProgress: count })), (error) => error === reason);
      }
      {
        const { signal, reason, count } = after(5);
        await assert.rejects(unpack(image, join(directory, "never"), { signal, onProgress: count }), (error) => error === reason);
        assert.ok(!readdirSync(directory).some((name) => name.includes("never")));
      }
      {
        const { signal, reason, count } = after(2);
        const reader = (await image.readFile("g/f149", { signal })).getReader();
        await assert.rejects(async () => {
          count();
          count();
          for (;;) if ((await reader.read()).done) return;
        }, (error) => error === reason);
      }
      assert.equal((await bytesFrom(image.readFile("f0"))).toString(), "1");
      assert.deepEqual(await all(image.verify()), []);
      await image.close();
      await nothingMoreIsOpen(open);
    });
  }

  test("who gives up waiting for a tree does not give it up for others", async () => {
    const image = await openImage(join(directory, "large"), { ...way, ...AMD64 });
    const [one, other] = [after(2), new AbortController()];
    const [first, second, third] = await Promise.allSettled([
      image.tree({ signal: one.signal, onProgress: one.count }),
      image.tree(),
      (setTimeout(() => other.abort(new Error("neither")), 1), image.tree({ signal: other.signal })),
    ]);
    assert.deepEqual([first.status === "rejected" && first.reason, third.status === "rejected" && third.reason.message], [one.reason, "neither"]);
    assert.equal(second.status, "fulfilled");
    assert.equal(await image.tree(), second.status === "fulfilled" && second.value);
    await image.close();
  });

  test("a source that does not answer is left", async () => {
    const { index, read } = layout.source();
    const never = new Promise(() => {});
    const stalled = () => new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(10)), pull: () => /** @type {any} */ (never) });
    /** @type {Record<string, (descriptor: any) => any>} */
    const reads = {
      "a promise": () => never,
      "a stream": stalled,
      "an iterable": async function* () {
        yield new Uint8Array(10);
        await never;
      },
    };
    for (const [name, stall] of Object.entries(reads)) {
      const image = await openImage({ index, read: (descriptor) => (layout.archives.has(descriptor.digest) ? stall(descriptor) : read(descriptor)) }, { ...way, ...AMD64 });
      for (const operation of [
        (/** @type {AbortSignal} */ signal) => all(image.changes({ signal })),
        (/** @type {AbortSignal} */ signal) => image.tree({ signal }),
        (/** @type {AbortSignal} */ signal) => all(image.verify({ signal })),
        (/** @type {AbortSignal} */ signal) => image.readFile("f0", { signal }),
      ]) {
        await assert.rejects(operation(soon()), { name: "TimeoutError" }, name);
      }
      await image.close();
    }
    await assert.rejects(openImage({ index: () => /** @type {any} */ (never), read }, { ...way, signal: soon() }), { name: "TimeoutError" });
    await assert.rejects(openImage(stalled(), { ...way, signal: soon() }), { name: "TimeoutError" });
    await assert.rejects(openImage({ index, read: () => /** @type {any} */ (never) }, { ...way, ...AMD64, signal: soon() }), { name: "TimeoutError" });
  });

  test("a stream that is cancelled is told so", async () => {
    let cancelled = 0;
    const { index, read } = layout.source();
    const image = await openImage(
      {
        index,
        read: (descriptor) =>
          layout.archives.has(descriptor.digest)
            ? new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)), cancel: () => void (cancelled += 1) }, { highWaterMark: 0 })
            : read(descriptor),
      },
      { ...way, ...AMD64 },
    );
    // Endless zeros are no gzip stream, and more than was promised.
    await assert.rejects(all(image.changes({ layer: 0 })), (/** @type {any} */ { code }) => code === "size-mismatch" || code === "invalid-compression");
    for (let tries = 0; tries < 100 && cancelled === 0; tries += 1) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(cancelled, 1);
    await image.close();
  });
});

test("nothing of a stream that was copied aside is left", async () => {
  const temporary = join(directory, "temporary");
  mkdirSync(temporary);
  const script = `
    import { readFileSync, readdirSync } from "node:fs";
    const bytes = readFileSync(process.argv[2]);
    const stream = () => new Blob([bytes]).stream();
    const image = await portolan.openImage(stream(), { platform: "linux/amd64" });
    console.log(readdirSync(${JSON.stringify(temporary)}).length);
    await image.close();
    const controller = new AbortController();
    const opening = portolan.openImage(stream(), { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("given up")), 1);
    await opening.then((it) => it.close(), (error) => error.message === "given up" || console.log(error));
    console.log(readdirSync(${JSON.stringify(temporary)}).length);`;
  const { code, stdout, stderr } = await run(script, { args: [join(directory, "large.tar")], env: { TMPDIR: temporary } });
  assert.deepEqual([code, stdout, stderr], [0, "0\n0\n", ""]);
  assert.notEqual(temporary, tmpdir());
});
