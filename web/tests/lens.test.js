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
  assert.equal(await tab.innerText("[role=treeitem] .text"), "etc/motd");
  assert.deepEqual(await tab.locator("mark").allInnerTexts(), ["etc", "motd"]);
  await tab.fill("[data-search]", "os");
  await tab.check("text=Fuzzy");
  await tab.waitForFunction(() => document.querySelector("[role=treeitem] .text")?.textContent === "etc/os-release");
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
