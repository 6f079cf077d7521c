// @ts-check
/** What is computed in WebAssembly of the page's own: headers of programs, fuzzy search, areas, differences. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Layout } from "../../npm/tests/blobs.js";
import { dir, file } from "../../npm/tests/tar.js";
import { choose, explorer, settled, text } from "./page.js";

const page = explorer();
const { skip } = page;
before(page.begin);
after(page.end);

/** An image with the shell of this machine, its beginning, and what only begins as a program. */
function programs() {
  const shell = readFileSync("/bin/sh");
  const entries = [dir("bin"), file("bin/sh", shell), file("bin/cut", shell.subarray(0, 5000)), file("bin/none", "\x7fELF\x09 and no more")];
  const layout = new Layout();
  return layout.tag(layout.image({ layers: [entries] }), "latest").archive();
}

test("a program says what it is, which libraries it needs and which sections it has", { skip }, async () => {
  const { page: tab, complaints } = await page.at("");
  await choose(tab, "programs.tar", programs());
  const show = async (/** @type {string} */ path) => {
    await tab.goto(page.address(`file?from=file:programs.tar&path=${path}`));
    await tab.waitForSelector("h2:has-text('Headers')");
    await settled(tab);
    return text(tab);
  };
  const seen = await show("bin/sh");
  assert.match(seen, /Machine\s+(x86-64|AArch64)[\s\S]*Interpreter\s+\/lib[\s\S]*Libraries[\s\S]*libc\.so\.6[\s\S]*\.text\s+PROGBITS[\s\S]*AX/);
  assert.match(await show("bin/cut"), /Not all of it can be read: the sections cannot be/);
  assert.match(await show("bin/none"), /It begins as an ELF file does, and is none/);
  await tab.click("text=As bytes");
  await tab.waitForSelector("pre >> text=7f 45 4c 46");
  assert.deepEqual(complaints, []);
  await tab.close();
});

test("paths are found by letters with gaps, the best first, and what was typed is marked", { skip }, async () => {
  const { page: tab, complaints } = await page.at("files?from=sample");
  await tab.waitForSelector("[role=treeitem]");
  await tab.keyboard.press("/");
  await tab.keyboard.type("etcmotd");
  // No path has this in it, so the letters are looked for.
  await tab.waitForSelector("[role=treeitem] mark");
  assert.match(await tab.innerText("[role=status]"), /No path has this in it; 1 path has these letters in this order/);
  assert.equal(await tab.innerText("[role=treeitem] .text"), "motd");
  assert.deepEqual(await tab.locator("mark").allInnerTexts(), ["motd", "etc"]);
  await tab.fill("[data-search]", "os");
  await tab.check("text=Fuzzy");
  await tab.waitForFunction(() => document.querySelector("[role=treeitem] .text")?.textContent === "os-release");
  assert.ok(tab.url().includes("find=fuzzy"));
  await tab.focus("[role=tree]");
  await tab.keyboard.press("Enter");
  await tab.waitForSelector("pre.content");
  await tab.goBack();
  await tab.waitForSelector("[role=treeitem] mark");
  await tab.fill("[data-search]", "etc/m*");
  await tab.waitForFunction(() => document.querySelectorAll("[role=treeitem]").length === 2);
  assert.deepEqual(complaints, []);
  await tab.close();
});

test("areas are drawn by directory and named in a table, and lead into directories", { skip }, async () => {
  const { page: tab, complaints } = await page.at("waste?from=sample");
  await tab.waitForSelector(".map g");
  const rows = async () => (await tab.locator(".areas tbody tr").allInnerTexts()).map((row) => row.replace(/\s+/g, " "));
  assert.match(String((await rows())[0]), /^usr\/ 1\d\d kB 9\d\.\d %$/);
  const areas = await tab.locator(".map > g").evaluateAll((areas) => areas.map((area) => area.querySelector("rect")?.getBoundingClientRect().width ?? 0));
  assert.ok(Number(areas[0]) > 0.9 * Math.max(...areas), "the largest is first");
  // Where its name stands: further down are directories in it.
  await tab.click(".map .depth-0 >> nth=0", { position: { x: 8, y: 8 } });
  await tab.waitForFunction(() => location.hash.endsWith("path=usr"));
  await tab.waitForSelector(".areas td >> text=share/");
  // With the keyboard, the table leads there as well.
  await tab.focus(".areas a >> text=share/");
  await tab.waitForSelector(".map .pointed");
  await tab.keyboard.press("Enter");
  await tab.waitForFunction(() => location.hash.includes("path=usr/share"));
  await tab.click("nav.path >> text=usr");
  await tab.selectOption("[aria-label='Of what']", { label: "what could be saved" });
  await tab.waitForSelector(".map.wasted .directory");
  assert.match(String((await rows())[0]), /^var\/ /);
  await tab.click(".areas a >> text=var/");
  await tab.click(".areas a >> text=cache/");
  await tab.click(".areas a >> text=demo/");
  await tab.waitForSelector(".areas td >> text=index");
  assert.equal(await tab.locator(".areas tr:has-text('index') a").count(), 0, "what is not there is not linked");
  await tab.selectOption("[aria-label='Of what']", { label: "brought by layer 2" });
  await tab.waitForFunction(() => location.hash.includes("layer=2"));
  await tab.waitForSelector(".areas td");
  assert.deepEqual(complaints, []);
  await tab.close();
});
