// Measures against what Node and its packages offer, in one run, and prints a table: `node bench/run.js LAYOUT`.
// BENCH_RUNS: runs of each (default 3); the best counts, since whatever else runs only makes it slower.
import { execFileSync } from "node:child_process";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createGunzip } from "node:zlib";
import { createTarDecoder } from "modern-tar";
import tarStream from "tar-stream";
import { createWorkerPool, openImage } from "../dist/index.js";
import { digests } from "./pipelines.js";

const layout = process.argv[2];
if (!layout) throw new Error("expected the directory of a layout");
const runs = Number(process.env.BENCH_RUNS ?? 3);

const image = await openImage(layout);
const layers = image.layers.map(({ digest }) => join(layout, "blobs", digest.replace(":", "/")));

/** The seconds of the best of some runs, taken in turns so that a slow moment of the machine meets all. */
async function measure(subjects) {
  const best = new Map();
  for (let run = 0; run < runs; run += 1) {
    for (const [name, work] of Object.entries(subjects)) {
      const start = performance.now();
      await work();
      const seconds = (performance.now() - start) / 1000;
      best.set(name, Math.min(best.get(name) ?? Infinity, seconds));
    }
  }
  return best;
}

/** Prints what was measured, and how many times as fast as each peer its subject is. */
function report(title, best, comparisons) {
  console.log(title);
  for (const [name, seconds] of best) console.log(`  ${seconds.toFixed(3).padStart(8)} s  ${name}`);
  for (const [subject, peer, wanted] of comparisons) {
    const ratio = best.get(peer) / best.get(subject);
    const verdict = ratio >= wanted ? "" : `  BELOW ${wanted}`;
    console.log(`  ${subject} is ${ratio.toFixed(2)} times as fast as ${peer}${verdict}`);
  }
}

async function verify(from) {
  const verification = from.verify();
  for (;;) {
    const { done, value } = await verification.next();
    if (done) return value;
    throw new Error(value.message);
  }
}

async function listed(from) {
  let entries = 0;
  for await (const change of from.changes()) if (change.type === "entry") entries += 1;
  return entries;
}

function tarStreamed(path) {
  return new Promise((resolve, reject) => {
    let entries = 0;
    const extract = tarStream.extract();
    extract.on("entry", (_, content, next) => {
      entries += 1;
      content.on("end", next);
      content.resume();
    });
    extract.on("finish", () => resolve(entries));
    extract.on("error", reject);
    createReadStream(path).pipe(createGunzip()).on("error", reject).pipe(extract);
  });
}

async function modernTar(path) {
  let entries = 0;
  const { Readable } = await import("node:stream");
  const bytes = Readable.toWeb(createReadStream(path).pipe(createGunzip()));
  for await (const entry of bytes.pipeThrough(createTarDecoder())) {
    entries += 1;
    await entry.body?.cancel();
  }
  return entries;
}

async function each(work) {
  for (const layer of layers) await work(layer);
}

const pool = createWorkerPool({ size: 2 });
const pooled = await openImage(layout, { pool });

const verified = await measure({
  "portolan, two workers": () => verify(pooled),
  "portolan, one thread": () => verify(image),
  "node:zlib and node:crypto, 1 MiB chunks": () => each((layer) => digests(layer, 1 << 20)),
  "node:zlib and node:crypto, 1 MiB chunks, all layers at once": () => Promise.all(layers.map((layer) => digests(layer, 1 << 20))),
  "node:zlib and node:crypto, default chunks": () => each((layer) => digests(layer, undefined)),
});
const pipelines = [...verified].filter(([name]) => name.includes("1 MiB"));
report("verify: both digests of all layers", verified, [
  ...pipelines.map(([name]) => ["portolan, two workers", name, 1.2]),
  ["portolan, one thread", "node:zlib and node:crypto, default chunks", 2],
]);

const listings = await measure({
  "portolan, two workers": () => listed(pooled),
  "portolan, one thread": () => listed(image),
  "tar-stream": () => each(tarStreamed),
  "modern-tar": () => each(modernTar),
});
report("list all entries, digests verified", listings, ["tar-stream", "modern-tar"].map((peer) => ["portolan, two workers", peer, 1.5]));
await pool.close();

// The last file of the largest layer, which was listed before; a file as most are, since one of a hundred MB is most of its layer.
const layer = image.layers.reduce((largest, { size }, at) => (size > image.layers[largest].size ? at : largest), 0);
let ordinal = 0;
for await (const change of image.changes({ layer })) if (change.type === "entry" && change.kind === "file" && change.size < 1 << 20) ordinal = change.ordinal;
const again = await measure({
  "portolan, from a checkpoint": async () => {
    await new Response(image.readEntry({ layer, ordinal })).arrayBuffer();
  },
  "portolan, from the beginning of the layer": async () => {
    for await (const _ of image.changes({ layer, content: [ordinal] }));
  },
});
report("read the last file of the largest layer again", again, [["portolan, from a checkpoint", "portolan, from the beginning of the layer", 10]]);

const start = fileURLToPath(new URL("start.js", import.meta.url));
const starts = Array.from({ length: 9 }, () => Number(execFileSync(process.execPath, [start, layout]))).sort((one, other) => one - other);
console.log(`from import to a parsed manifest: ${starts[4].toFixed(1)} ms (median of 9; wanted: below 40)`);
await image.close();
