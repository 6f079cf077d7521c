// @ts-check
/** How much of the page goes over the wire. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { DIST } from "./page.js";

const BUDGET = 600_000;

test("what a visit loads is within its budget, and nothing is shipped that nobody asks for", (context) => {
  const files = readdirSync(DIST, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const sizes = files.map((entry) => ({ name: entry.name, size: gzipSync(readFileSync(join(entry.parentPath ?? entry.path, entry.name)), { level: 9 }).length }));
  const sum = (/** @type {typeof sizes} */ some) => some.reduce((total, { size }) => total + size, 0);
  // What speaks to registries is asked for when a registry is named.
  const visit = sizes.filter(({ name }) => !name.startsWith("registry."));
  context.diagnostic(`gzipped: ${sum(visit)} bytes without a registry, ${sum(sizes)} with one`);
  assert.ok(sum(visit) <= BUDGET, `${sum(visit)} bytes: ${JSON.stringify(visit)}`);
  assert.deepEqual(sizes.filter(({ name }) => /\.ts$|\.map$/.test(name)), []);
});
