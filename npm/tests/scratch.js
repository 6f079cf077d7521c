// @ts-check
/** Temporary directories that are gone after the tests, and scripts in processes of their own. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

/** A directory for the tests of a file. */
export function scratch() {
  const directory = mkdtempSync(join(tmpdir(), "portolan-tests-"));
  after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/**
 * Runs a script in a process of its own, which must end by itself within the time. `portolan` is the package in it.
 * @param {string} script
 * @param {{ seconds?: number, args?: string[], uid?: number, gid?: number, env?: Record<string, string>, flags?: string[], from?: string }} [options]
 * @returns {Promise<{ code: number | null, stdout: string, stderr: string }>}
 */
export function run(script, { seconds = 20, args = [], uid, gid, env = {}, flags = [], from = fileURLToPath(new URL("../dist/index.js", import.meta.url)) } = {}) {
  const source = `import * as portolan from ${JSON.stringify(pathToFileURL(from).href)};\n${script}`;
  return new Promise((resolve, reject) => {
    const file = join(mkdtempSync(join(tmpdir(), "portolan-script-")), "script.mjs");
    writeFileSync(file, source);
    chmodSync(dirname(file), 0o755);
    const child = spawn(process.execPath, [...flags, file, ...args], {
      cwd: dirname(file),
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...env },
      ...(uid !== undefined && { uid }),
      ...(gid !== undefined && { gid }),
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (data) => (stdout += data));
    child.stderr.on("data", (data) => (stderr += data));
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`the process did not end within ${seconds} s\n${stdout}${stderr}`));
    }, seconds * 1000);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      rmSync(dirname(file), { recursive: true, force: true });
      resolve({ code, stdout, stderr });
    });
  });
}

/** The files that this process holds open, but for those of the engine and the package. @returns {string[]} */
export function openFiles() {
  return readdirSync("/proc/self/fd")
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return "";
      }
    })
    .filter((target) => target.startsWith("/") && !/^\/(dev|proc)\/|\.(js|wasm|node)$/.test(target))
    .sort();
}

/** Nothing more is open than was. What another thread closes may take a moment. @param {string[]} before */
export async function nothingMoreIsOpen(before) {
  for (let tries = 0; tries < 100 && openFiles().length > before.length; tries += 1) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(openFiles(), before, "files stay open");
}
