// @ts-check
/** Documents as they are, and layers as they turn out to be. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { corrupted, plain } from "./images.js";
import { choose, explorer, settled, text } from "./page.js";

const DEMO = fileURLToPath(new URL("../../tests/images/demo/index.json", import.meta.url));
const page = explorer();
const { skip } = page;
before(page.begin);
after(page.end);

test("every document is shown for a person and byte for byte, and saved as it is", { skip }, async () => {
  const { page: tab, complaints } = await page.at("overview?from=sample");
  await tab.click("main >> text=index.json");
  await tab.waitForSelector(".json");
  const original = readFileSync(DEMO, "utf8");
  const [{ digest }] = JSON.parse(original).manifests;
  assert.ok((await text(tab)).includes(digest));
  const [download] = await Promise.all([tab.waitForEvent("download"), tab.click("text=Save the exact bytes")]);
  assert.equal(download.suggestedFilename(), "index.json");
  assert.equal(readFileSync(await download.path(), "utf8"), original);
  await tab.click("text=As bytes");
  assert.match(await text(tab), /00000000  7b /);
  await tab.click(".documents >> text=Manifest");
  await tab.waitForSelector(".json .key");
  const config = await tab.locator('.json a[href*="digest=sha256"]').first().innerText();
  await tab.click('.json a[href*="digest=sha256"]');
  await tab.waitForSelector("h2:has-text('Config')");
  assert.ok((await tab.locator(".digest").first().innerText()).includes(config.replaceAll('"', "")));
  await tab.goBack();
  await tab.waitForSelector("h2:has-text('Manifest')");
  await tab.click('.json a[href*="layer=0"]');
  await tab.waitForSelector("[role=treeitem]");
  assert.deepEqual(complaints, []);
  await tab.close();
});

test("layers say what they are once they are decoded, with what they hold and what of it nobody sees", { skip }, async () => {
  const { page: tab, complaints } = await page.at("");
  await choose(tab, "plain.tar", plain().archive());
  await tab.waitForFunction(() => document.querySelectorAll("tbody tr:has(.changes)").length === 2);
  await tab.waitForFunction(() => document.querySelector("tbody tr td:nth-child(7)")?.textContent === "5.0 kB");
  const rows = await tab.locator("table[aria-label=Layers] tbody tr, [aria-label=Layers] tbody tr").allInnerTexts();
  assert.match(String(rows[0]), /layer 0\s+\d+ B\s+\d\.\d kB\s+gzip\s+5\s/);
  assert.match(String(rows[1]), /layer 1\s+\d+ B\s+[\d.]+ kB\s+gzip\s+1\s/);
  assert.deepEqual(await tab.locator("tbody tr >> nth=1 >> .changes > span").allTextContents(), ["+0 added ", "~1 modified ", "−1 removed "]);
  assert.deepEqual(complaints, []);
  await tab.close();
});

test("a damaged layer is named where layers are listed, and the files of those before it are shown", { skip }, async () => {
  const { archive, digest } = corrupted();
  const { page: tab } = await page.at("");
  await choose(tab, "wrong.tar", archive);
  await tab.waitForSelector(".failure");
  assert.ok((await text(tab)).includes(digest));
  await tab.click("nav >> text=Files");
  await settled(tab);
  await tab.waitForSelector(".failure");
  await tab.close();
});

test("files are found by their sizes, kinds and what a layer did to them", { skip }, async () => {
  const { page: tab, complaints } = await page.at("files?from=sample&size=%3E0.5k");
  await tab.waitForSelector("[role=treeitem]");
  assert.match(await text(tab), /\b\d+ match(es)? among/);
  assert.equal(await tab.inputValue(".bytes"), ">0.5k");
  const large = await tab.locator("[role=treeitem]:not([aria-expanded]) .size").allInnerTexts();
  assert.ok(large.length > 0 && large.every((size) => /kB$/.test(size) || Number.parseInt(size, 10) > 500), String(large));
  await tab.fill(".bytes", "<100");
  await tab.waitForFunction(() => location.hash.includes("size=%3C100"));
  await tab.selectOption("[aria-label=Kind]", "file");
  await tab.waitForFunction(() => [...document.querySelectorAll("[role=treeitem]:not([aria-expanded]) .size")].every((size) => / B$/.test(size.textContent ?? "")));
  await tab.fill(".bytes", "large");
  await tab.waitForSelector(".bytes[aria-invalid=true]");
  await tab.goto(page.address("files?from=sample&layer=3&change=removed&kind=file"));
  await tab.waitForSelector(".removed >> text=README");
  assert.equal(await tab.locator(".file.added").count(), 0);
  assert.match(await text(tab), /layer 3/);
  assert.deepEqual(complaints, []);
  await tab.close();
});
