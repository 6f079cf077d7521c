// @ts-check
/** The platform rules against containerd's tables and answers, as `components/image/tests/platform.rs` has them. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { toolkit } from "../dist/index.js";
import { codeOf, jsonOf, portolan } from "./fixtures.js";

/** @typedef {import("../dist/index.js").Platform} Platform */
/** @type {import("../dist/index.js").Platforms} */
let platform;
before(async () => ({ platform } = await toolkit()));

const HOST = { os: "linux", architecture: "amd64" };
const { tables, parse: answers, matrix } = jsonOf("vectors/platforms.json");
/** @param {string} text */
const parse = (text) => platform.parse(text, HOST);

/** A platform of the image-spec's JSON. @param {any} json @returns {Platform} */
function oci({ os, architecture, variant, "os.version": osVersion, "os.features": osFeatures }) {
  return { os, architecture, ...(variant && { variant }), ...(osVersion && { osVersion }), ...(osFeatures?.length > 0 && { osFeatures }) };
}

/** A platform in the words of Go's fields. @param {any} value @returns {Platform} */
function go(value) {
  // The host of these tables is Windows 10.0.17763; the extraction kept the calls that build its version.
  if (value === "call:DefaultSpec") return { os: "windows", architecture: "amd64", osVersion: "10.0.17763" };
  const version = value.OSVersion?.replace("call:fmt.Sprintf", "10.0.17763");
  return oci({ os: value.OS, architecture: value.Architecture, variant: value.Variant, "os.version": version, "os.features": value.OSFeatures });
}

/** All that run, the best first: what `select` answers when the better ones are away. @param {Platform} wanted @param {string[]} texts */
function sorted(wanted, texts) {
  const left = [...texts];
  const order = [];
  while (left.length > 0) {
    const candidates = left.map(parse);
    if (codeOf(() => platform.select(candidates, [wanted]))) break;
    order.push(...left.splice(platform.select(candidates, [wanted]), 1));
  }
  return order;
}

test("specifiers parse and print as containerd does", () => {
  assert.equal(answers.length, 63);
  for (const { input, error, platform: expected, normalized, formatAll } of answers) {
    if (input === "wasip1") {
      // L-15: containerd knows no such operating system.
      assert.deepEqual(parse(input), { os: "wasip1", architecture: "wasm" });
    } else if (error === true) assert.throws(() => parse(input), portolan("invalid-platform"), input);
    else {
      assert.deepEqual(parse(input), oci(expected), input);
      assert.deepEqual(platform.normalize(parse(input)), oci(normalized), input);
      assert.equal(platform.format(parse(input)), formatAll, input);
    }
  }
});

test("upstream selectors parse and print", () => {
  for (const { input, skip, expected, useV2Format, formatted } of tables.TestParseSelector) {
    // Wildcards: upstream skips them too and refuses them.
    if (skip) assert.throws(() => parse(input), portolan("invalid-platform"), input);
    else {
      assert.deepEqual(platform.normalize(parse(input)), platform.normalize(go(expected)), input);
      if (useV2Format) assert.equal(platform.format(parse(input)), formatted, input);
    }
  }
  for (const { input } of tables.TestParseSelectorInvalid) assert.throws(() => parse(input), portolan("invalid-platform"), input);
  for (const row of tables.TestFormatAllEncoding) {
    assert.equal(platform.format(go(row.platform)), row.expected);
    assert.deepEqual(parse(row.expected), go(row.platform));
  }
});

test("upstream tables of matches hold", () => {
  for (const row of tables.TestOnly) {
    for (const [expected, texts] of [[true, row.matches.true], [false, row.matches.false]]) {
      for (const text of texts) assert.equal(platform.matches(parse(row.platform), parse(text)), expected, `${text} on ${row.platform}`);
    }
  }
  for (const { hostPlatform, testPlatform, match } of tables.TestMatchComparerMatch_ABICheckWCOW) {
    assert.equal(platform.matches(go(hostPlatform), go(testPlatform)), match);
  }
  for (const [table, wanted] of /** @type {const} */ ([["TestMatchComparerMatch_LCOW", HOST], ["TestMatchComparerMatch_WCOW", go("call:DefaultSpec")]])) {
    for (const row of tables[table]) assert.equal(platform.matches(wanted, go(row.platform)), row.match, JSON.stringify(row));
  }
  for (const { platforms, hostPlatform, wantPlatform, name } of tables.Test_PlatformOrder) {
    assert.deepEqual(platforms.map(go)[platform.select(platforms.map(go), [go(hostPlatform)])], go(wantPlatform), name);
  }
  for (const { platform: text, platforms, expected } of tables.TestCompareOSFeatures) {
    const runs = expected.filter((/** @type {string} */ it) => platform.matches(parse(text), parse(it)));
    assert.ok(runs.length > 0);
    assert.deepEqual(sorted(parse(text), platforms), runs, text);
  }
});

test("every host runs and prefers what containerd says but for the listed differences", () => {
  assert.equal(matrix.length, 28);
  const everything = [...new Set(matrix.flatMap((/** @type {any} */ { compatible }) => compatible))];
  /** @type {Record<string, string[]>} */
  const ours = {
    // L-12: the library has no order for these two architectures.
    "linux/ppc64le/power8": ["linux/ppc64le/power8", "linux/ppc64le"],
    "linux/ppc64le/power9": ["linux/ppc64le/power9", "linux/ppc64le/power8", "linux/ppc64le"],
    "linux/riscv64/rva20u64": ["linux/riscv64/rva20u64", "linux/riscv64"],
    "linux/riscv64/rva22u64": ["linux/riscv64/rva22u64", "linux/riscv64/rva20u64", "linux/riscv64"],
    "linux/riscv64/rva23u64": ["linux/riscv64/rva23u64", "linux/riscv64/rva22u64", "linux/riscv64/rva20u64", "linux/riscv64"],
    // L-13: the highest version goes first where the host's is known.
    "windows(10.0.17763.1817)/amd64": ["windows(10.0.17763.1817)/amd64", "windows(10.0.17763)/amd64", "windows/amd64"],
    "windows(10.0.20348)/amd64": ["windows(10.0.20348+win32k)/amd64", "windows(10.0.20348)/amd64", "windows/amd64"],
    "windows(10.0.20348+win32k)/amd64": ["windows(10.0.20348+win32k)/amd64", "windows(10.0.20348)/amd64", "windows/amd64"],
  };
  for (const { host, preference } of matrix) {
    // Equal platforms keep the order in which they are listed, so compare the normal forms.
    const normal = (/** @type {string[]} */ texts) => texts.map((text) => platform.normalize(parse(text)));
    assert.deepEqual(normal(sorted(parse(host), everything)), normal(ours[host] ?? preference), host);
  }
});

test("each variant of the specification and of Go runs the ones before it (L-07, L-08, L-12)", () => {
  const { table, goValuesToday } = jsonOf("vectors/platform-variants.json");
  let checked = 0;
  for (const { architecture, variants } of table) {
    const known = variants.filter((/** @type {string} */ variant) => variant !== "...");
    known.forEach((/** @type {string} */ variant, /** @type {number} */ position) => {
      const wanted = { os: "linux", architecture, variant };
      known.forEach((/** @type {string} */ lower, /** @type {number} */ other) => {
        assert.equal(platform.matches(wanted, { os: "linux", architecture, variant: lower }), other <= position, `${lower} on ${architecture}/${variant}`);
        checked += 1;
      });
      // A plain image runs on every variant, but for arm, where none means v7.
      assert.equal(platform.matches(wanted, { os: "linux", architecture }), !(architecture === "arm" && variant === "v6"));
    });
  }
  assert.equal(checked, 9 + 4 + 4 + 1 + 9);
  for (const [architecture, key] of [["ppc64le", "GOPPC64"], ["riscv64", "GORISCV64"], ["amd64", "GOAMD64"]]) {
    const highest = { os: "linux", architecture, variant: goValuesToday[key].at(-1) };
    for (const variant of goValuesToday[key]) assert.ok(platform.matches(highest, { os: "linux", architecture, variant }), variant);
  }
});

test("an attestation is never selected, and nothing fitting lists what there is (L-14)", () => {
  const attestation = { os: "unknown", architecture: "unknown" };
  for (const wanted of [HOST, attestation]) assert.throws(() => platform.select([attestation], [wanted]), portolan("platform-not-found"));
  assert.throws(
    () => platform.select([parse("linux/arm64"), parse("windows(10.0.17763+win32k)/amd64")], [HOST]),
    portolan("platform-not-found", "no image for linux/amd64; there is linux/arm64, windows(10.0.17763+win32k)/amd64"),
  );
  // L-01, I-07
  assert.equal(platform.select([undefined, parse("linux/arm64"), parse("linux/x86_64"), HOST], [HOST]), 2);
});

test("this machine's platform is one of Go's names", () => {
  const names = /** @type {Record<string, string>} */ ({ x64: "amd64", arm64: "arm64" });
  const host = platform.host();
  assert.equal(host.os, process.platform === "win32" ? "windows" : process.platform);
  if (names[process.arch]) assert.equal(host.architecture, names[process.arch]);
  assert.deepEqual(platform.parse(platform.format(host)), host);
});
