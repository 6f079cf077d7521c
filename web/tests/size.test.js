// @ts-check
/** How much of the page goes over the wire. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { DIST } from "./page.js";

/** Too much by 40 KB: 600 are aimed at. Of these, what speaks to registries is 126 and the sample image 31. */
const MOST = 640_000;

test("the page is no larger than it was, and nothing is shipped that nobody asks for", (context) => {
  const files = readdirSync(DIST, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const sizes = files.map((entry) => ({ name: entry.name, size: gzipSync(readFileSync(join(entry.parentPath ?? entry.path, entry.name)), { level: 9 }).length }));
  const sum = sizes.reduce((total, { size }) => total + size, 0);
  context.diagnostic(`${sum} bytes gzipped`);
  assert.ok(sum <= MOST, `${sum} bytes: ${JSON.stringify(sizes)}`);
  assert.deepEqual(sizes.filter(({ name }) => /\.ts$|\.map$/.test(name)), []);
});
