// @ts-check
/** The files of `tests/fixtures`, and what errors must say. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PortolanError } from "../dist/index.js";
import { REPOSITORY } from "./components.js";

/** @param {string} path */
export const bytesOf = (path) => readFileSync(join(REPOSITORY, "tests/fixtures", path));
/** @param {string} path @returns {any} */
export const jsonOf = (path) => JSON.parse(bytesOf(path).toString());

/**
 * What `assert.throws` and `assert.rejects` take: a `PortolanError` of this code whose message has all of these in it.
 * @param {string} code @param {...string} says
 */
export function portolan(code, ...says) {
  return (/** @type {unknown} */ error) => {
    assert.ok(error instanceof PortolanError, `no PortolanError: ${error}`);
    assert.equal(error.code, code, error.message);
    for (const text of says) assert.ok(error.message.includes(text), `${JSON.stringify(text)} is not in: ${error.message}`);
    return true;
  };
}

/** @param {() => unknown} call @returns {string | undefined} */
export function codeOf(call) {
  try {
    call();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof PortolanError, `no PortolanError: ${error}`);
    assert.notEqual(error.code, "defect", error.message);
    return error.code;
  }
}
