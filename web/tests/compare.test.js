// @ts-check
/** Two images beside each other, from two places. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Layout } from "../../npm/tests/blobs.js";
import { dir, file } from "../../npm/tests/tar.js";
import { plain } from "./images.js";
import { choose, explorer, settled, text } from "./page.js";

const page = explorer(() => Object.fromEntries(plain().files().map(([path, bytes]) => [`/layout/${path}`, bytes])));
const { skip } = page;
before(page.begin);
after(page.end);

/** Another image, with a file more, one that is larger, and one that is gone. */
function other() {
  const layout = new Layout();
  const entries = [dir("etc"), file("etc/motd", "above, and longer"), file("etc/new", "n".repeat(3000))];
  return layout.tag(layout.image({ layers: [entries], config: { Env: ["HARBOUR=Genoa"], Labels: { quay: "2" } } }), "other").archive();
}

test("an image is compared with one that is chosen, and with one that a URL names", { skip }, async () => {
  const { page: tab, complaints } = await page.at("");
  await choose(tab, "plain.tar", plain().archive());
  await tab.click("nav >> text=Compare");
  await tab.waitForSelector("text=nothing else to compare it with");
  await tab.setInputFiles("#other", { name: "other.tar", mimeType: "application/x-tar", buffer: other() });
  await tab.waitForSelector("text=4 paths differ");
  const seen = await text(tab);
  assert.match(seen, /variable HARBOUR\s+Genoa/);
  assert.match(seen, /label quay\s+2/);
  assert.match(seen, /4 paths differ: 1 there alone, 3\.0 kB; 2 here alone, 14 B; 1 on both sides, \+12 B/);
  assert.match(seen, /\/etc\/motd\s+differs\s+5 B\s+17 B\s+size 5 → 17/);
  assert.match(seen, /\/etc\/new\s+there alone\s+3\.0 kB/);
  assert.ok(new URL(tab.url()).hash.includes("there=file:other.tar"));
  await tab.selectOption("[aria-label=Change]", "removed");
  await tab.waitForFunction(() => document.querySelectorAll("[aria-label='Files that differ'] tbody tr").length === 2);
  await tab.fill("[data-search]", "link");
  await tab.waitForFunction(() => document.querySelectorAll("[aria-label='Files that differ'] tbody tr").length === 1);
  await tab.goBack();
  await tab.waitForSelector("text=nothing else to compare it with");
  const layout = new URL(page.address("")).origin + "/layout";
  await tab.goto(page.address(`compare?from=file:plain.tar&there=layout:${layout}`));
  await tab.waitForSelector("text=This is the same image");
  await tab.waitForSelector("text=The files are the same");
  await tab.selectOption(".other select", { label: "the sample image" });
  await tab.waitForSelector("text=paths differ");
  await settled(tab);
  assert.match(await text(tab), /0 layers in both, 2 layers here alone, 4 layers there alone/);
  assert.deepEqual(complaints, []);
  await tab.close();
});
