// @ts-check
/** The explorer, as a person sees it: what is on the page, and that it can be reached, read and left again. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { MARKUP, corrupted, hostile, many, plain } from "./images.js";
import { choose, executable, launch, open, serve, settled, text } from "./page.js";

const skip = executable ? false : "there is no Chromium here: `make setup` installs it";
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const VIEWS = ["", "overview?from=sample", "config?from=sample", "files?from=sample", "files?from=sample&layer=3", "file?from=sample&path=etc/motd", "file?from=sample&path=etc/os-release", "file?from=sample&path=usr/bin/hello", "files?from=sample&query=os&find=fuzzy", "waste?from=sample", "waste?from=sample&kind=wasted", "verify?from=sample", "compare?from=sample", "compare?from=sample&as=lines", "raw?from=sample", "raw?from=sample&digest=index", "attached?from=sample", "attached?from=sample&digest=sha256:982ca5f6364838e4bcb712d5c0323108ae05bbaee70e8cd3936dd4780bc2edd9", "attached?from=sample&image=sha256:cc8b92c5ee19219d6bab6ae1c399d0a1eb2065bf3f5cb9d7f7cc8cd0242ba4a7&digest=sha256:0c982631106045e51a3becaa91a8e21e5b47ab0c6e6f94d85ac3d875bdf88c5e", "overview?from=file:gone.tar"];

/** @type {Awaited<ReturnType<typeof serve>>} */
let site;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  if (skip) return;
  const layout = plain();
  site = await serve(Object.fromEntries(layout.files().map(([path, bytes]) => [`/layout/${path}`, bytes])));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await site?.close();
});

/** @param {string} view @param {object} [options] */
async function at(view, options) {
  const opened = await open(browser, `${site.url}#/${view}`, options);
  await settled(opened.page);
  return opened;
}

test("the sample opens with its platforms, layers and where its annotations stand", { skip }, async () => {
  const { page, complaints } = await at("");
  await page.click("text=Open the sample");
  await page.waitForSelector("h1:has-text('portolan-demo')");
  const seen = await text(page);
  for (const part of ["linux/arm64", "wasip1/wasm", "attestation", "RUN rm -r /usr/share/doc /var/cache/demo/*", "zstd", "org.example.harbour", "label of the config", "The Portolan authors"]) assert.ok(seen.includes(part), part);
  await page.selectOption(".platform select", { label: "linux/arm64" });
  await page.waitForFunction(() => location.hash.includes("image=sha256:7b2f315fb02e"));
  await page.goBack();
  assert.equal(new URL(page.url()).hash, "#/overview?from=sample");
  assert.deepEqual(complaints, []);
  await page.close();
});

test("the config is said in words, with the steps of the build beside the layers", { skip }, async () => {
  const { page } = await at("config?from=sample");
  const seen = await text(page);
  for (const part of ["/usr/bin/hello world", "traveller", "Europe/Berlin", "37/tcp", "SIGTERM"]) assert.ok(seen.includes(part), part);
  const rows = await page.locator("table").last().locator("tbody tr").allInnerTexts();
  assert.equal(rows.length, 7);
  assert.match(String(rows[2]), /^none\s+ENV TZ/);
  assert.match(String(rows[3]), /^layer 2\s+RUN chmod/);
  await page.close();
});

test("files are walked with the keys, looked for, and shown", { skip }, async () => {
  const { page, complaints } = await at("files?from=sample");
  await page.waitForSelector("[role=treeitem]");
  await page.keyboard.press("/");
  await page.keyboard.type("etc/m*");
  await page.waitForFunction(() => document.querySelectorAll("[role=treeitem]").length === 2);
  await page.waitForFunction(() => location.hash.includes("query=etc"));
  await page.focus("[role=tree]");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForSelector("pre.content");
  assert.match(await text(page), /34 B[\s\S]*layer 2/);
  await page.goBack();
  await page.waitForFunction(() => document.querySelectorAll("[role=treeitem]").length === 2);
  await page.goto(`${site.url}#/files?from=sample&layer=3`);
  await page.waitForSelector(".removed >> text=README");
  assert.equal(await page.locator(".file.added").count(), 1);
  await page.goto(`${site.url}#/file?from=sample&path=usr/bin/hello&as=Bytes`);
  await page.waitForSelector("pre >> text=7f 45 4c 46");
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a file can be saved, byte for byte", { skip }, async () => {
  const { page } = await at("file?from=sample&path=etc/os-release");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=Save the file")]);
  assert.equal(download.suggestedFilename(), "os-release");
  assert.equal(readFileSync(await download.path(), "utf8").length, 53);
  await page.close();
});

test("waste and differences between platforms are in tables", { skip }, async () => {
  const { page } = await at("waste?from=sample");
  assert.match(await text(page), /11\.6 kB of 26\.4 kB[\s\S]*45\.5 %[\s\S]*\/var\/cache\/demo\/index/);
  await page.goto(`${site.url}#/compare?from=sample`);
  await page.waitForSelector("text=3 paths differ");
  assert.match(await text(page), /3 layers in both[\s\S]*\/usr\/bin\/hello\s+differs\s+792 B\s+816 B\s+size 792 → 816/);
  await page.close();
});

test("an image is verified, and a wrong blob is named", { skip }, async () => {
  const { page, complaints } = await at("verify?from=sample");
  await page.click("text=Verify this image");
  await page.waitForSelector(".verdict.right");
  const { archive, digest } = corrupted();
  await page.goto(`${site.url}#/`);
  await choose(page, "wrong.tar", archive);
  await page.click("nav >> text=Verify");
  await page.click("text=Verify this image");
  await page.waitForSelector(".verdict.wrong");
  assert.ok((await text(page)).includes(digest));
  assert.deepEqual(complaints, []);
  await page.close();
});

test("archives, gzipped ones, layers, manifests and layouts are told apart", { skip }, async () => {
  const layout = plain();
  const { page, complaints } = await at("");
  const [layer] = layout.archives.values();
  const { manifest, config } = documents(layout);
  /** @type {[string, Buffer, number][]} */
  const files = [
    ["oci.tar", layout.archive(), 2],
    ["oci.tar.gz", gzipSync(layout.archive()), 2],
    ["layer.tar.gz", gzipSync(/** @type {Buffer} */ (layer)), 1],
    ["layer.tar", /** @type {Buffer} */ (layer), 1],
    ["config.json", config, 2],
  ];
  for (const [name, bytes, layers] of files) {
    await page.goto(`${site.url}#/`);
    await page.waitForSelector("#file");
    await choose(page, name, bytes);
    assert.match(await text(page), new RegExp(`Layers\\s+${layers}\\b`), name);
  }
  await page.goto(`${site.url}#/`);
  await choose(page, "manifest.json", manifest);
  assert.match(await text(page), /is not complete here/);
  await page.goto(`${site.url}#/`);
  await choose(page, "nothing.bin", Buffer.alloc(2048, 7));
  assert.match(await text(page), /no tar archive[\s\S]*Open an archive as docker save/);
  await page.goto(`${site.url}#/files?from=layout:${site.origin}/layout`);
  await page.waitForSelector("text=os-release");
  assert.deepEqual(complaints, []);
  await page.close();
});

/** @param {import("../../npm/tests/blobs.js").Layout} layout */
function documents(layout) {
  const [entry] = /** @type {{ digest: string }[]} */ (layout.entries);
  const manifest = /** @type {Buffer} */ (layout.blobs.get(String(entry?.digest)));
  return { manifest, config: /** @type {Buffer} */ (layout.blobs.get(JSON.parse(String(manifest)).config.digest)) };
}

test("nothing of a hostile image is markup, and nothing hides", { skip }, async () => {
  const { page, complaints } = await at("");
  await choose(page, `${MARKUP}.tar`, hostile());
  const from = encodeURIComponent(`file:${MARKUP}.tar`);
  assert.ok((await text(page)).includes(MARKUP));
  assert.ok((await text(page)).includes("photo\\u{202e}gpj.exe"));
  for (const view of ["config", "raw", "files", "waste", "compare", "verify", "attached"]) {
    await page.goto(`${site.url}#/${view}?from=${from}`);
    await settled(page);
    assert.equal(await page.locator("img, main script, iframe").count(), 0, view);
    assert.doesNotMatch(await page.innerText("body"), /[\u001b\u202e]/, view);
  }
  await page.goto(`${site.url}#/files?from=${from}`);
  await page.waitForSelector("[role=treeitem]");
  const names = await page.locator("[role=treeitem] .text").allInnerTexts();
  assert.deepEqual(names.toSorted(), [MARKUP, "\\x1b[31mred\\x1b[0m", "d\\xffe", "page.html", "photo\\u{202e}gpj.exe", "שלום"].toSorted());
  for (const name of ["d\\xffe", "page.html", MARKUP]) {
    await page.click(`[role=treeitem]:has-text(${JSON.stringify(name)})`);
    await page.waitForSelector("pre.content");
    await page.goBack();
    await page.waitForSelector("[role=treeitem]");
  }
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a hundred thousand files are a few rows, and looking for one takes no time", { skip }, async (context) => {
  const { page } = await at("");
  await choose(page, "many.tar", many(100_000));
  await page.click("nav >> text=Files");
  await page.waitForSelector("[role=treeitem]", { timeout: 60_000 });
  await page.fill("[data-search]", "file-9");
  await page.waitForFunction(() => document.querySelector("[role=status]")?.textContent?.includes("11,111 matches"));
  assert.ok((await page.locator("[role=treeitem]").count()) < 100);
  await page.focus("[role=tree]");
  await page.keyboard.press("End");
  await page.waitForFunction(() => document.querySelector("[aria-selected=true] .text")?.textContent?.startsWith("file-"));
  await page.check("text=Fuzzy");
  await page.waitForSelector("mark");
  const begun = Date.now();
  await page.fill("[data-search]", "shre99999");
  await page.waitForFunction(() => document.querySelector("[role=treeitem] .text")?.textContent?.endsWith("file-99999"));
  context.diagnostic(`the best of 100,000 paths after ${Date.now() - begun} ms`);
  await page.close();
});

test("every view can be used by everybody: axe finds nothing, in light, dark and on a narrow screen", { skip }, async () => {
  for (const options of [{ colorScheme: "light" }, { colorScheme: "dark" }, { viewport: { width: 390, height: 800 } }]) {
    const { page, complaints } = await at("", options);
    await page.evaluate(AXE);
    for (const view of VIEWS) {
      await page.goto(`${site.url}#/${view}`);
      await settled(page);
      await page.waitForTimeout(50);
      await settled(page);
      const found = await page.evaluate(async () => {
        const { violations } = await /** @type {any} */ (globalThis).axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
        return violations.map((/** @type {any} */ it) => `${it.id}: ${it.nodes.map((/** @type {any} */ node) => node.html).join(" | ")}`);
      });
      assert.deepEqual(found, [], `${view} ${JSON.stringify(options)}`);
      const isWide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      assert.equal(isWide, false, `${view} ${JSON.stringify(options)} is wider than the screen`);
    }
    assert.deepEqual(complaints, []);
    await page.close();
  }
});

test("after the first visit the page opens without a network", { skip }, async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(site.url);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(async () => (await caches.keys()).length > 0 && navigator.serviceWorker.controller !== null);
  await context.setOffline(true);
  await page.goto(`${site.url}#/files?from=sample`);
  await page.reload();
  await page.waitForSelector("text=os-release");
  await context.close();
});
