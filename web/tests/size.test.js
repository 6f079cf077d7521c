// @ts-check
/** How much of the page goes over the wire. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { DIST } from "./page.js";

/** All of the page, with what is loaded only when somebody asks for it: the sample image, searching and the map, and what reads WebAssembly. */
const MOST = 600_000;
const WHEN_ASKED = /^(sample\.tar|lens|wasm)/;

test("the page is 600 KB compressed at most, and nothing is shipped that nobody asks for", (context) => {
  const files = readdirSync(DIST, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const sizes = files.map((entry) => ({ name: entry.name, size: gzipSync(readFileSync(join(entry.parentPath ?? entry.path, entry.name)), { level: 9 }).length }));
  const sum = (/** @type {typeof sizes} */ some) => some.reduce((total, { size }) => total + size, 0);
  const always = sum(sizes.filter(({ name }) => !WHEN_ASKED.test(name)));
  context.diagnostic(`${sum(sizes)} bytes gzipped; every visit loads ${always} of them`);
  assert.ok(sum(sizes) <= MOST, `${sum(sizes)} bytes: ${JSON.stringify(sizes)}`);
  assert.deepEqual(sizes.filter(({ name }) => /\.ts$|\.map$/.test(name)), []);
});
