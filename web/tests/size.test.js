// @ts-check
/** How much of the page goes over the wire. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { DIST } from "./page.js";

/** Of these, what speaks to registries is some 125 KB and the sample image 31. */
const MOST = 600_000;

test("the page is 600 KB compressed at most, and nothing is shipped that nobody asks for", (context) => {
  const files = readdirSync(DIST, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const sizes = files.map((entry) => ({ name: entry.name, size: gzipSync(readFileSync(join(entry.parentPath ?? entry.path, entry.name)), { level: 9 }).length }));
  const sum = sizes.reduce((total, { size }) => total + size, 0);
  context.diagnostic(`${sum} bytes gzipped`);
  assert.ok(sum <= MOST, `${sum} bytes: ${JSON.stringify(sizes)}`);
  assert.deepEqual(sizes.filter(({ name }) => /\.ts$|\.map$/.test(name)), []);
});
