// @ts-check
/** Where images can be opened from beside files: folders, and registries through the server of the page. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { plain } from "./images.js";
import { DIST, explorer, launch, open, settled, text } from "./page.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAM = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "release/portolan");
const page = explorer();
const { skip } = page;
const noProgram = skip || (existsSync(PROGRAM) ? false : "the command line is not built: `make build` does that");
const folder = mkdtempSync(join(tmpdir(), "portolan-web-"));
before(page.begin);
after(async () => {
  await page.end();
  rmSync(folder, { recursive: true, force: true });
});

test("a layout's folder is opened by the handle that the browser gives, and a folder of anything else says why not", { skip }, async () => {
  const { page: tab, complaints } = await page.at("");
  const files = plain().files().map(([path, bytes]) => [path, bytes.toString("base64")]);
  await tab.evaluate(async (files) => {
    const root = await (await navigator.storage.getDirectory()).getDirectoryHandle("harbour", { create: true });
    for (const [path, text] of files) {
      const names = String(path).split("/");
      let directory = root;
      for (const name of names.slice(0, -1)) directory = await directory.getDirectoryHandle(name, { create: true });
      const writing = await (await directory.getFileHandle(String(names.at(-1)), { create: true })).createWritable();
      await writing.write(Uint8Array.from(atob(String(text)), (letter) => letter.charCodeAt(0)));
      await writing.close();
    }
    const blobs = await root.getDirectoryHandle("blobs");
    const offered = [blobs, root];
    Object.assign(window, { showDirectoryPicker: async () => {
      const picked = offered.shift();
      if (!picked) throw new DOMException("closed", "AbortError");
      return picked;
    } });
  }, files);
  await tab.click("text=Choose a layout’s folder");
  await tab.waitForSelector("text=the directory has no oci-layout file");
  await tab.click("text=Open something else");
  await tab.waitForSelector("#file");
  await tab.click("text=Choose a layout’s folder");
  await tab.waitForSelector("tbody tr:has(.changes)");
  assert.match(await text(tab), /image layout[\s\S]*latest/);
  await tab.click("nav >> text=Files");
  await tab.waitForSelector("text=os-release");
  assert.deepEqual(complaints, []);
  await tab.close();
});

test("without such handles a folder is chosen with an input", { skip }, async () => {
  await plain().write(join(folder, "quay"));
  const { page: tab, complaints } = await page.at("");
  await tab.addInitScript(() => Reflect.deleteProperty(window, "showDirectoryPicker"));
  await tab.reload();
  await tab.setInputFiles("#folder", join(folder, "quay"));
  await tab.waitForSelector("tbody tr:has(.changes)");
  assert.ok(tab.url().includes("from=file:quay"));
  assert.deepEqual(complaints, []);
  await tab.close();
});

/** Starts the program, and answers the URLs that it prints. @param {string[]} args @param {number} lines */
async function serving(args, lines) {
  const child = spawn(PROGRAM, ["serve", "--listen", "127.0.0.1:0", ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let printed = "";
  for await (const chunk of child.stderr) {
    printed += chunk;
    const urls = [...printed.matchAll(/(?:listening on|explorer at) (\S+)\n/g)].map(([, url]) => String(url));
    if (urls.length === lines) return { urls, end: () => child.kill() };
  }
  throw new Error(`the server did not start: ${printed}`);
}

test("the server of the page shows its own images, and those of another registry through itself", { skip: noProgram }, async () => {
  await plain().write(join(folder, "harbour"));
  const demo = join(ROOT, "tests/images/demo");
  const other = await serving([`demo=${demo}`, "--read-only"], 1);
  const registry = new URL(String(other.urls[0])).host;
  const server = await serving([`harbour=${join(folder, "harbour")}`, "--read-only", "--explorer", "--explorer-dir", DIST, "--explorer-registry", registry], 2);
  const browser = await launch();
  try {
    const { page: tab, complaints } = await open(browser, String(server.urls[1]));
    await tab.waitForSelector(`text=This server asks ${registry} for this page`);
    assert.ok(!tab.url().includes("token"));
    await tab.click("summary >> text=harbour");
    await tab.click("text=latest");
    await tab.waitForSelector("text=Read the layers");
    await tab.click("text=Read the layers");
    await tab.waitForFunction(() => document.querySelectorAll("tbody tr:has(.changes)").length === 2);

    await tab.goto(`${new URL(String(server.urls[0])).origin}/`);
    await tab.fill("#name", `${registry}/demo:1.0`);
    await tab.keyboard.press("Enter");
    await tab.waitForSelector("h1:has-text('portolan-demo')");
    await tab.click("nav >> text=Files");
    await tab.waitForSelector("text=os-release");
    await tab.click("nav >> text=Attestations");
    await tab.waitForSelector("text=https://slsa.dev/provenance/v0.2");
    await settled(tab);
    // Nobody but the server was asked: the page's own policy forbids all others.
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
    server.end();
    other.end();
  }
});
