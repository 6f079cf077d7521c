// @ts-check
/** Images that others made, and one of all that is legal and rarely met. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { explorer, settled, text } from "./page.js";

const TARGET = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL("../../target", import.meta.url));
/** The tests of the library install a Debian there, and keep it. */
const DEBIAN = join(TARGET, "tmp/minbase-oci");
const AWKWARD = join(TARGET, "release/awkward-image");
const page = explorer();
const { skip } = page;
const folder = mkdtempSync(join(tmpdir(), "portolan-web-"));
before(page.begin);
after(async () => {
  await page.end();
  rmSync(folder, { recursive: true, force: true });
});

/** Packs a layout into an archive and opens that. @param {string} layout */
async function opened(layout) {
  const archive = join(folder, "image.tar");
  execFileSync("tar", ["cf", archive, "-C", layout, "."]);
  const there = await page.at("");
  await there.page.setInputFiles("#file", archive);
  await there.page.waitForSelector("[aria-label=Layers] tbody tr");
  return there;
}

/** @param {import("playwright-core").Page} tab */
const decoded = (tab) => tab.waitForFunction(() => !document.querySelector("main progress") && [...document.querySelectorAll("[aria-label=Layers] tbody tr:not(.warning) td:nth-child(7)")].every((cell) => cell.textContent), undefined, { timeout: 120_000 });

test("a Debian that debootstrap installed is shown, searched, verified and read", { skip: skip || (existsSync(DEBIAN) ? false : "no Debian is installed: `make test` does it before, or `cargo test --test differential -- --ignored`") }, async () => {
  const { page: tab, complaints } = await opened(DEBIAN);
  await decoded(tab);
  const [first] = await tab.locator("[aria-label=Layers] tbody tr").allInnerTexts();
  assert.match(String(first), /layer 0\s+\d+(\.\d)? MB\s+[1-9]\d\d(\.\d)? MB\s+gzip\s+[\d,]{5,}\s/);
  await tab.click("nav >> text=Files");
  await tab.waitForSelector("[role=treeitem]");
  await tab.fill("[data-search]", "etc/*-release");
  await tab.waitForFunction(() => document.querySelector(".filter [role=status]")?.textContent?.startsWith("1 match "));
  await tab.fill("[data-search]", "usr/lib/os-release");
  await tab.click("[role=treeitem] >> text=os-release");
  await tab.waitForSelector("pre.content >> text=Debian GNU/Linux 12");
  await tab.goBack();
  await tab.waitForSelector("[role=treeitem]");
  await tab.fill("[data-search]", "");
  await tab.fill(".bytes", ">1MB");
  await tab.waitForFunction(() => /^\d\d? matches among [\d,]{5,} paths$/.test(document.querySelector(".filter [role=status]")?.textContent ?? ""));
  await tab.click("nav >> text=Waste");
  await tab.waitForSelector("code:has-text('/var/cache/apt/archives/')");
  await tab.click("nav >> text=Verify");
  await tab.click("text=Verify this image");
  await tab.waitForSelector(".verdict.right", { timeout: 120_000 });
  assert.deepEqual(complaints, []);
  await tab.close();
});

test("all that is legal and rarely met is shown, and every view of it can be opened", { skip: skip || (existsSync(AWKWARD) ? false : "what writes the image is not built: `make build` does that") }, async () => {
  const layout = join(folder, "awkward");
  execFileSync(AWKWARD, [layout]);
  const { page: tab, complaints } = await opened(layout);
  await decoded(tab);
  assert.equal(await tab.locator(".failure").count(), 0);
  await tab.click("nav >> text=Files");
  await tab.waitForSelector("[role=treeitem]");
  for (const [kind, name] of [["symlink", "symbolic links"], ["char-device", "devices"], ["fifo", "pipes"]]) {
    await tab.selectOption("[aria-label=Kind]", String(kind));
    await tab.waitForFunction(() => /^[1-9]\d* match/.test(document.querySelector(".filter [role=status]")?.textContent ?? ""), undefined, { timeout: 5000 }).catch(() => assert.fail(`no ${name}`));
  }
  for (const view of ["Waste", "Config", "Documents", "Attestations", "Compare"]) {
    await tab.click(`nav >> text=${view}`);
    await tab.waitForSelector(`h1:has-text("${view}")`);
    await settled(tab);
    assert.equal(await tab.locator(".failure").count(), 0, view);
    assert.doesNotMatch(await text(tab), /[\u0000-\u0008\u001b\u202e]/, view);
  }
  await tab.click("nav >> text=Verify");
  await tab.click("text=Verify this image");
  await tab.waitForSelector(".verdict.right");
  assert.deepEqual(complaints, []);
  await tab.close();
});
