// @ts-check
/** Every example of the README and of `examples/` that runs in Node, run as it stands beside the package as it is installed. */
import assert from "node:assert/strict";
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { installed } from "./chromium.js";
import { REPOSITORY } from "./components.js";
import { Layout } from "./blobs.js";
import { Registry } from "./registry.js";

const README = fileURLToPath(new URL("../README.md", import.meta.url));
const DEMO = join(REPOSITORY, "tests/images/demo");

/** What an example must have said, by a word of its code. */
const EXPECTED = /** @type {[string, RegExp][]} */ ([
  ["image.platforms()", /linux[\s\S]*arm64 sha256:[0-9a-f]{64}[\s\S]*sha256:/],
  ["index: () =>", /^sha256:[0-9a-f]{64}$/m],
  ["listTags", /^4 \[ '1\.0' \]\nNAME="Portolan demo"\n[\s\S]*\n1$/m],
  ["tree.walk", /etc\/os-release file \d+ 0[\s\S]*NAME=[\s\S]*usr\/bin 755[\s\S]*var\/cache/],
  ["inspectWasm", /^\w[\w-]* (module|component) \[/m],
  ["image.attestations()", /^\d+$/m],
  ["image.verify", /^4 layers, 0 errors$/m],
  ["createWorkerPool", /^0\.\d+$/m],
  ["unpack(image", /^142 \[\]$/m],
  ["toolkit()", /^sha256:[0-9a-f]{64}\ndocker\.io\/library\/busybox\nblake3:ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f$/m],
  ["limits:", /^limit-exceeded .*raise layers/m],
]);

/** @type {{ folder: string, remove: () => void }} */
let place;
/** What stands for the registry that is named in the examples. @type {Registry} */
let registry;

before(async () => {
  place = installed();
  const demo = new Layout();
  for (const name of readdirSync(join(DEMO, "blobs/sha256"))) demo.blobs.set(`sha256:${name}`, readFileSync(join(DEMO, "blobs/sha256", name)));
  demo.entries = JSON.parse(readFileSync(join(DEMO, "index.json"), "utf8")).manifests;
  registry = (await new Registry().start()).put(demo);
  cpSync(DEMO, join(place.folder, "layout"), { recursive: true });
  execFileSync("tar", ["-cf", join(place.folder, "busybox.tar"), "-C", DEMO, "."]);
});

after(async () => {
  await registry.close();
  place.remove();
});

const examples = [...readFileSync(README, "utf8").matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => String(code));

test("every example has its expectation", () => {
  assert.equal(examples.length, EXPECTED.length);
});

for (const [index, code] of examples.entries()) {
  const expected = EXPECTED.filter(([word]) => code.includes(word));
  test(`example ${index + 1} of the README runs`, async () => {
    assert.notDeepEqual(expected, [], code);
    const script = join(place.folder, `example-${index}.mjs`);
    writeFileSync(script, code.replaceAll("ghcr.io/org", registry.name));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [script], { cwd: place.folder });
    assert.equal(stderr, "");
    assert.ok(expected.some(([, answer]) => answer.test(stdout)), stdout);
  });
}

test("unpacking made the directory, and left nothing beside it", () => {
  assert.ok(existsSync(join(place.folder, "rootfs/etc/os-release")));
});

test("the example for Node says what layers changed", () => {
  const script = join(place.folder, "layers.mjs");
  cpSync(fileURLToPath(new URL("../examples/node/layers.js", import.meta.url)), script);
  const stdout = execFileSync(process.execPath, [script, "busybox.tar"], { cwd: place.folder, encoding: "utf8" });
  assert.match(stdout, /^layer 3 sha256:[0-9a-f]{64}: 6 entries, \+1 ~1 -7$/m);
  assert.match(stdout, /^\d+ of \d+ bytes could be saved$/m);
});

test("the command line of the package looks, lists and verifies, and tells what is wrong by its exit code", () => {
  const run = (/** @type {string[]} */ ...args) => {
    const { status, stdout, stderr } = spawnSync("npx", ["--no-install", "portolan", ...args], { cwd: place.folder, encoding: "utf8", env: { ...process.env, npm_config_loglevel: "silent" } });
    return { status, stdout, stderr: stderr.replace(/^npm warn.*\n/gm, "") };
  };
  assert.match(run("inspect", "busybox.tar").stdout, /^platform +linux\/amd64$/m);
  assert.equal(JSON.parse(run("inspect", "--json", "-p", "linux/arm64", "layout").stdout).platform.architecture, "arm64");
  assert.match(run("platforms", "layout").stdout, /sha256:[0-9a-f]{64} {2}linux\/arm64/);
  assert.match(run("tree", "busybox.tar", "etc/**").stdout, /^lrwxrwxrwx 0:0 +0 {2}etc\/localtime -> \/usr\/share\/zoneinfo\/Europe\/Berlin$/m);
  const verified = run("verify", "oci:layout");
  assert.deepEqual([verified.status, verified.stderr], [0, ""]);
  assert.match(verified.stdout, /^verified 8 documents, 5 layers .*: no errors$/m);
  assert.match(run("--help").stdout, /or a name at a\nregistry, such as/);
  assert.match(run("inspect", "docker://127.0.0.1:1/app@nothing").stderr, /^error: .*nothing/);
  assert.deepEqual(run("inspect", "./nothing-here").status, 2);
  assert.match(run("inspect", "./nothing-here").stderr, /^error: \.\/nothing-here: no such file or directory/);
  assert.match(run("frobnicate").stderr, /^error: there is no command frobnicate\nhelp: /);
  const digest = JSON.parse(run("inspect", "--json", "layout").stdout).layers[0].digest;
  const blob = join(place.folder, "layout/blobs", digest.replace(":", "/"));
  const bytes = readFileSync(blob);
  bytes[bytes.length >> 1] = Number(bytes[bytes.length >> 1]) ^ 1;
  writeFileSync(blob, bytes);
  const wrong = run("verify", "layout");
  assert.equal(wrong.status, 1);
  assert.match(wrong.stdout, new RegExp(`^error\\[digest-mismatch\\] .*${digest}`, "m"));
});
