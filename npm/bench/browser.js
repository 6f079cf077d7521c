// Measures listing a layer in Chromium against its own DecompressionStream with modern-tar: `node bench/browser.js LAYOUT`.
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openImage } from "../dist/index.js";
import { bundle, installed, launch, open, serve } from "../tests/chromium.js";

const layout = process.argv[2];
if (!layout) throw new Error("expected the directory of a layout");
const runs = Number(process.env.BENCH_RUNS ?? 3);

const image = await openImage(layout);
const largest = image.layers.reduce((one, other) => (other.size > one.size ? other : one));
const place = installed();
await bundle(place.folder, fileURLToPath(new URL("page", import.meta.url)), "bench");
const site = join(place.folder, "site");
copyFileSync(join(layout, "blobs", largest.digest.replace(":", "/")), join(site, "layer.bin"));
writeFileSync(join(site, "layer.json"), JSON.stringify(largest));
const server = await serve(site);
const browser = await launch();
const { page } = await open(browser, `${server.url}/bench/`);
await page.waitForFunction(() => globalThis.subjects !== undefined);
const best = new Map();
let uncompressed = 0;
for (let run = 0; run < runs; run += 1) {
  for (const name of ["portolan, verified", "portolan, not verified", "DecompressionStream and modern-tar"]) {
    const { seconds, entries, bytes } = await page.evaluate((it) => globalThis.subjects[it](), name);
    best.set(name, Math.min(best.get(name) ?? Infinity, seconds));
    uncompressed = bytes ?? uncompressed;
    if (run === 0) console.log(`  ${name}: ${entries} entries`);
  }
}
await browser.close();
await server.close();
place.remove();
await image.close();
console.log(`list a layer of ${largest.size} bytes (${uncompressed} uncompressed) in Chromium, in a worker`);
for (const [name, seconds] of best) console.log(`  ${seconds.toFixed(3).padStart(8)} s  ${name}`);
for (const name of ["portolan, verified", "portolan, not verified"]) {
  const ratio = best.get("DecompressionStream and modern-tar") / best.get(name);
  console.log(`  ${name}, is ${ratio.toFixed(2)} times as fast as DecompressionStream and modern-tar${ratio >= 1.3 ? "" : "  BELOW 1.3"}`);
}
