// @ts-check
/** One file, in the ways that it can be looked at. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { MARKUP, nested } from "./images.js";
import { choose, explorer, settled, text } from "./page.js";

const page = explorer();
const { skip } = page;
before(page.begin);
after(page.end);

test("archives inside an image are listed, and what is compressed is shown", { skip }, async () => {
  const { page: tab, complaints } = await page.at("");
  await choose(tab, "nested.tar", nested());
  const show = async (/** @type {string} */ path) => {
    await tab.goto(page.address(`file?from=file:nested.tar&path=${path}`));
    await tab.waitForSelector(`h1:has-text("${path}") ~ section h2.line`);
    await settled(tab);
    return text(tab);
  };
  for (const [path, kind] of [["a.tar", "tar archive"], ["a.tar.gz", "tar archive, gzip"]]) {
    const seen = await show(String(path));
    assert.ok(seen.includes(`${kind}: 4 members, 1.2 kB unpacked.`), seen);
    assert.deepEqual(await tab.locator(".members .text").allInnerTexts(), ["lib", "lib/one.txt", "link", MARKUP]);
  }
  assert.match(await show("a.zip"), /zip archive: 3 members[\s\S]*META-INF\/MANIFEST\.MF\s+20 B[\s\S]*<img src=x/);
  assert.match(await show("man.gz"), /gzip, of a text, 38 B unpacked[\s\S]*a chart of harbours/);
  assert.match(await show("broken.zip"), /the zip archive is damaged/);
  await show("a.zip");
  await tab.click("text=As bytes");
  await tab.waitForSelector("pre >> text=50 4b 03 04");
  assert.ok(tab.url().includes("as=Bytes"));
  assert.deepEqual(complaints, []);
  await tab.close();
});

test("WebAssembly says what it needs and offers, in files and in artifacts", { skip }, async () => {
  const { page: tab, complaints } = await page.at("");
  await choose(tab, "nested.tar", nested());
  await tab.goto(page.address("file?from=file:nested.tar&path=empty.wasm"));
  await tab.waitForSelector("[aria-label=Sections]");
  assert.match(await text(tab), /Kind\s+component[\s\S]*It needs nothing[\s\S]*It offers nothing[\s\S]*world/);
  await tab.click("text=As bytes");
  await tab.waitForSelector("pre >> text=00 61 73 6d 0d 00 01 00");
  await tab.goto(page.address("overview?from=sample"));
  await tab.selectOption(".platform select", { label: "wasip1/wasm" });
  await tab.click("text=What it needs and offers");
  await tab.waitForSelector("[aria-label=Imports]");
  assert.match(await text(tab), /Packed as\s+artifact\s+Kind\s+module[\s\S]*Its files\s+none[\s\S]*wasi_snapshot_preview1/);
  await tab.click("[aria-label=Blobs] a");
  await tab.waitForFunction(() => location.hash.includes("digest="));
  await tab.waitForSelector("[aria-label=Imports]");
  assert.match(await text(tab), /Kind\s+module[\s\S]*wasi_snapshot_preview1[\s\S]*_start[\s\S]*code/);
  assert.deepEqual(complaints, []);
  await tab.close();
});

test("texts in common languages are coloured, and say the same as without", { skip }, async () => {
  const { page: tab, complaints } = await page.at("");
  await choose(tab, "nested.tar", nested());
  const shown = async (/** @type {string} */ path) => {
    await tab.goto(page.address(`file?from=file:nested.tar&path=${path}`));
    await tab.waitForSelector(`h1:has-text("${path}") ~ section pre.content[data-language]`);
    return tab.evaluate(() => [...document.querySelectorAll("pre.content span")].map((span) => `${span.className} ${span.textContent}`));
  };
  const python = await shown("hello.py");
  for (const part of ["comment #!/usr/bin/env python3", "comment # says hello", "keyword def", "keyword return", "number 42", `string '${MARKUP}'`]) assert.ok(python.includes(part), `${part}: ${python}`);
  assert.equal((await tab.innerText("pre.content")).trim().split("\n").length, 4);
  const json = await shown("settings.json");
  for (const part of ['key "key"', 'string "value"', "number 1.5", "keyword true", "keyword null"]) assert.ok(json.includes(part), `${part}: ${json}`);
  const shell = await shown("run");
  for (const part of ["keyword set", "comment # stop", 'string "$HOME"']) assert.ok(shell.includes(part), `${part}: ${shell}`);
  assert.deepEqual(complaints, []);
  await tab.close();
});
