// @ts-check
/** What is computed in WebAssembly of the page's own: headers of programs, fuzzy search, areas, differences. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Layout } from "../../npm/tests/blobs.js";
import { dir, file } from "../../npm/tests/tar.js";
import { MARKUP } from "./images.js";
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
  assert.match(String((await rows())[0]), /^usr\/ 14\.\d kB 9\d\.\d %$/);
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

/** Two images in one place, with a text, a hostile text and a program that differ. */
function two() {
  const layout = new Layout();
  const lines = Array.from({ length: 40 }, (_, at) => `line ${at}`);
  const image = (/** @type {string} */ platform, /** @type {string} */ colour, /** @type {Buffer} */ bytes) => {
    const text = lines.with(20, `colour: ${colour} of the sea`).join("\n");
    return layout.image({ platform, layers: [[file("colours", text), file("hostile", `${MARKUP}${colour}\u202e\u0007\n`), file("program", bytes)]], config: { Env: [`COLOUR=${colour}`] } });
  };
  layout.tag(image("linux/amd64", "blue", Buffer.from("\0\x01\x02")), "a");
  return layout.tag(image("linux/arm64", "green", Buffer.from("\0\x01\x03\x04")), "b").archive();
}

test("texts and configs of two images are compared line by line, and within lines", { skip }, async () => {
  const { page: tab, complaints } = await page.at("");
  await choose(tab, "two.tar", two());
  await tab.click("nav >> text=Compare");
  await tab.click("a >> text=/colours");
  await tab.waitForSelector(".diff");
  assert.match(await text(tab), /1 line here alone, 1 line there alone/);
  const rows = (await tab.locator(".diff tbody tr").allInnerTexts()).map((row) => row.replace(/\s+/g, " ").trim());
  assert.equal(rows.length, 8, "three lines on each side of what changed");
  assert.equal(rows[0], "18 18 line 17");
  assert.equal(rows[3], "21 − here alone colour: blue of the sea");
  assert.equal(rows[4], "21 + there alone colour: green of the sea");
  assert.deepEqual(await tab.locator(".diff mark").allInnerTexts(), ["blue", "green"]);
  await tab.click("text=All differences");
  await tab.click("a >> text=/hostile");
  await tab.waitForSelector(".diff");
  assert.ok((await text(tab)).includes(`${MARKUP}green\\u{202e}\\x07`));
  assert.equal(await tab.locator("main img").count(), 0);
  await tab.goBack();
  await tab.click("a >> text=/program");
  await tab.waitForSelector("text=They are no texts. The first byte that differs is that at 2");
  await tab.goBack();
  await tab.click("text=Compare the documents line by line");
  await tab.waitForSelector(".diff");
  assert.match(await text(tab), /"COLOUR=blue"[\s\S]*"COLOUR=green"/);
  assert.ok(tab.url().includes("as=lines"));
  assert.deepEqual(complaints, []);
  await tab.close();
});
