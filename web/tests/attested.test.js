// @ts-check
/** What others say of an image. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { attested } from "./attested.js";
import { MARKUP } from "./images.js";
import { choose, explorer, settled, text } from "./page.js";

const page = explorer();
const { skip } = page;
before(page.begin);
after(page.end);

test("provenance and SBOMs are tables to look through, whoever attached them", { skip }, async () => {
  const { page: tab, complaints } = await page.at("");
  await choose(tab, "attested.tar", attested());
  assert.match(await text(tab), /linux\/arm64\s+1\.0\s/);
  await tab.click("nav >> text=Attestations");
  await tab.waitForSelector("[aria-label=Attestations] table");
  assert.equal(await tab.locator("tbody tr").count(), 4);
  assert.match(await text(tab), /https:\/\/spdx\.dev\/Document[\s\S]*this image[\s\S]*the index/);

  await tab.click("text=https://spdx.dev/Document");
  await tab.waitForSelector("[aria-label=Packages]");
  assert.match(await text(tab), /in-toto statement: SPDX, SPDX-2\.3[\s\S]*Tool: syft[\s\S]*pkg:docker\/harbour@1\.0[\s\S]*1,003 packages/);
  assert.equal(await tab.locator("[aria-label=Packages] tbody tr").count(), 300);
  await tab.fill("[data-search]", "tzdata 2025b");
  await tab.waitForFunction(() => document.querySelectorAll("[aria-label=Packages] tbody tr").length === 1);
  assert.match(await tab.innerText("[aria-label=Packages] tbody"), /tzdata\s+2025b\s+public-domain\s+pkg:deb\/debian\/tzdata@2025b/);
  await tab.fill("[data-search]", "<img");
  await tab.waitForFunction((markup) => document.querySelector("[aria-label=Packages] tbody td")?.textContent === markup, MARKUP);
  assert.match(await tab.innerText("[aria-label=Packages] tbody"), /1\\u\{202e\}2\s+MIT/);

  await tab.click("text=https://slsa.dev/provenance/v1");
  await tab.waitForSelector("text=https://example.org/builder");
  assert.match(await text(tab), /SLSA provenance[\s\S]*harbour\.git[\s\S]*Dockerfile[\s\S]*pkg:docker\/debian@12\s+sha256:cdcd/);

  await tab.click("td >> text=application/vnd.dsse.envelope.v1+json >> nth=0");
  await tab.waitForSelector("text=harbour-key; not checked here");
  assert.match(await text(tab), /CycloneDX 1\.5[\s\S]*harbour 1\.0[\s\S]*org\.example\/quay\s+2\.1\s+ISC\s+pkg:npm\/quay@2\.1[\s\S]*crane\s+MIT OR ISC/);
  assert.ok(tab.url().includes("digest=sha256"));

  await tab.click("td >> text=application/vnd.example.note+json >> nth=0");
  await tab.waitForSelector(".message.removed");
  assert.equal(await tab.locator("img").count(), 0);
  assert.deepEqual(complaints, []);
  await tab.close();
});

test("an attestation can be opened itself, and images without any say so", { skip }, async () => {
  const { page: tab, complaints } = await page.at("attached?from=sample");
  await tab.waitForSelector("text=https://slsa.dev/provenance/v0.2");
  await tab.click("text=https://slsa.dev/provenance/v0.2");
  await tab.waitForSelector("text=pkg:deb/debian/tzdata@2025b-0%2Bdeb12u2?arch=all");
  await tab.goto(page.address("overview?from=sample"));
  await tab.click("td >> text=attestation");
  await tab.waitForSelector("[aria-label=Blobs]");
  await tab.click("[aria-label=Blobs] a");
  await tab.waitForSelector("text=SLSA provenance");
  await tab.goto(page.address("attached?from=sample"));
  await settled(tab);
  await tab.selectOption(".platform select", { label: "linux/arm64" });
  await tab.waitForSelector("text=Nothing here says anything of this image");
  assert.deepEqual(complaints, []);
  await tab.close();
});
