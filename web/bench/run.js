// @ts-check
// Measures the page in Chromium: `node bench/run.js ARCHIVE COMPRESSED`, an archive as docker save writes it, and one of the same
// image whose layers are compressed.
import { readFileSync, statSync, writeFileSync, rmSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { traced } from "../../npm/tests/chromium.js";
import { many } from "../tests/images.js";
import { launch, open, serve } from "../tests/page.js";

const [archive, compressed] = process.argv.slice(2);
if (!archive || !compressed) throw new Error("expected two archives");
const ENTRIES = 100_000;

/** @param {string} what @param {number} value @param {string} unit @param {number} [most] */
function row(what, value, unit, most) {
  const wanted = most === undefined ? "" : `${String(most).padStart(10)} ${value <= most ? "ok" : "MISSED"}`;
  console.log(`${what.padEnd(52)} ${value.toFixed(value < 10 ? 3 : 0).padStart(8)} ${unit.padEnd(4)}${wanted}`);
}

/** The most memory that the processes which draw pages ever had, in MB. @param {import("playwright-core").Browser} browser */
async function memory(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const peaks = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1] ?? 0));
  return (Math.max(...peaks) * 1024) / 1e6;
}

/** Seconds from a file's arrival until something is drawn. @param {import("playwright-core").Page} page @param {string} file @param {string} drawn */
async function taken(page, file, drawn) {
  await page.evaluate((drawn) => {
    const times = /** @type {any} */ (globalThis);
    document.querySelector("#file")?.addEventListener("change", () => {
      times.arrived = performance.now();
      performance.mark("begin");
      const look = () => (document.querySelector(drawn) ? (times.drawn = performance.now()) : requestAnimationFrame(look));
      requestAnimationFrame(look);
    }, { capture: true });
  }, drawn);
  await page.setInputFiles("#file", file);
  await page.waitForFunction(() => /** @type {any} */ (globalThis).drawn !== undefined, undefined, { timeout: 120_000 });
}

/** @param {import("playwright-core").Page} page @param {() => boolean} done */
async function since(page, done, timeout = 200_000) {
  await page.waitForFunction(done, undefined, { timeout, polling: "raf" });
  return page.evaluate(() => (performance.mark("end"), (performance.now() - /** @type {any} */ (globalThis).arrived) / 1000));
}

/** Whether all that is known of layers once they were read is drawn. */
const decoded = () => !document.querySelector("main progress") && [...document.querySelectorAll("[aria-label=Layers] tbody tr td:nth-child(7)")].every((cell) => cell.textContent);

const site = await serve();
const browser = await launch();
console.log(`an archive of docker save of ${statSync(archive).size} bytes in Chromium ${browser.version()}`);
{
  const { page } = await open(browser, site.url);
  await page.waitForSelector("#file");
  const { result, tasks } = await traced(browser, async () => {
    await taken(page, archive, "[aria-label=Layers] tbody tr");
    const first = await page.evaluate(() => (/** @type {any} */ (globalThis).drawn - /** @type {any} */ (globalThis).arrived) / 1000);
    const whole = await since(page, decoded);
    return { first, whole };
  });
  row("documents and layers are drawn", result.first, "s", 1);
  row("all layers are decoded, verified and in the tree", result.whole, "s");
  row("longest task of the page meanwhile, processor time", Math.max(...tasks), "ms", 50);
  await page.evaluate(() => {
    /** @type {any} */ (globalThis).arrived = performance.now();
    performance.clearMarks();
  });
  const listing = await traced(browser, async () => {
    await page.evaluate(() => performance.mark("begin"));
    await page.click("nav >> text=Files");
    return since(page, () => document.querySelector("[role=treeitem]") !== null);
  });
  row("the files are listed", listing.result, "s");
  row("longest task meanwhile", Math.max(...listing.tasks), "ms", 50);
  await page.click("nav >> text=Verify");
  await page.evaluate(() => (/** @type {any} */ (globalThis).arrived = performance.now()));
  await page.click("text=Verify this image");
  row("verify", await since(page, () => document.querySelector(".verdict") !== null), "s");
  row("peak memory of the tab", await memory(browser), "MB", 600);
  await page.close();
}
{
  const { page } = await open(browser, site.url);
  await page.waitForSelector("#file");
  await taken(page, compressed, "[aria-label=Layers] tbody tr");
  row("layers of gzip are decoded", await since(page, decoded), "s");
  await page.click("nav >> text=Files");
  await page.waitForSelector("[role=treeitem]");
  await page.selectOption("[aria-label=Kind]", "file");
  // The last in the order of their names, wherever in their layers they stand.
  for (const [what, query] of [["a file of these is shown", "*.h"], ["another one", "*.py"], ["and another", "*.so*"]]) {
    await page.fill("[data-search]", String(query));
    await page.waitForFunction((query) => location.hash.includes(`query=${encodeURIComponent(query)}`), String(query), { timeout: 5000 });
    await page.focus("[role=tree]");
    await page.keyboard.press("End");
    await page.evaluate(() => (/** @type {any} */ (globalThis).arrived = performance.now()));
    await page.keyboard.press("Enter");
    row(String(what), await since(page, () => document.querySelector("section h2.line") !== null, 20_000), "s");
    await page.goBack();
    await page.waitForSelector("[role=treeitem]");
  }
  await page.close();
}
{
  const folder = mkdtempSync(join(tmpdir(), "portolan-bench-"));
  const file = join(folder, "many.tar");
  writeFileSync(file, many(ENTRIES));
  const { page } = await open(browser, site.url);
  await page.waitForSelector("#file");
  await taken(page, file, "[aria-label=Layers] tbody tr");
  await page.click("nav >> text=Files");
  await page.waitForSelector("[role=treeitem]", { timeout: 60_000 });
  await page.fill("[data-search]", "file-");
  await page.waitForFunction((wanted) => document.querySelector(".filter [role=status]")?.textContent?.startsWith(wanted), ENTRIES.toLocaleString("en"));
  const scrolling = await traced(browser, () => page.evaluate(async () => {
    const list = /** @type {HTMLElement} */ (document.querySelector(".rows"));
    performance.mark("begin");
    const begun = performance.now();
    let frames = 0;
    for (; frames < 240; frames += 1) {
      list.scrollTop += 997;
      await new Promise(requestAnimationFrame);
    }
    performance.mark("end");
    return (1000 * frames) / (performance.now() - begun);
  }));
  row(`scrolling through ${ENTRIES.toLocaleString("en")} entries`, scrolling.result, "fps");
  row("longest task meanwhile", Math.max(...scrolling.tasks), "ms", 50);
  row("processor time of the page, for each frame", scrolling.tasks.reduce((sum, task) => sum + task, 0) / 240, "ms", 16);
  await page.close();
  rmSync(folder, { recursive: true });
}
await browser.close();
await site.close();
