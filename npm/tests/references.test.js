// @ts-check
/** References against Docker's tables and answers, as `components/image/tests/reference.rs` has them. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { toolkit } from "../dist/index.js";
import { codeOf, jsonOf, portolan } from "./fixtures.js";

/** @type {import("../dist/index.js").References} */
let reference;
before(async () => ({ reference } = await toolkit()));

const { oracle, tables } = jsonOf("vectors/references.json");

/** The oracle's form of a name. @param {import("../dist/index.js").Name} name */
function answer({ registry, repository, selector, canonical, familiar }) {
  const suffix = canonical.slice(`${registry}/${repository}`.length);
  assert.ok(familiar.endsWith(suffix), familiar);
  return {
    domain: registry,
    path: repository,
    name: `${registry}/${repository}`,
    familiarName: familiar.slice(0, familiar.length - suffix.length),
    string: canonical,
    ...selector,
  };
}

test("every name is answered as Docker does but for digests (E-10, E-11)", () => {
  assert.equal(oracle.length, 157);
  for (const row of oracle) {
    const { input, parseNormalizedNamed: expected } = row;
    // G-02, G-06: OCI's digests are wider than Docker's, and one that nobody can verify still parses.
    if (input.includes("@blake3:") || input.includes("@invaliddigest:")) {
      assert.equal(row.parse.error, "unsupported digest algorithm");
      assert.ok(reference.parseName(input).canonical.endsWith(input), input);
      continue;
    }
    if (expected.error !== undefined) {
      const code = codeOf(() => reference.parseName(input));
      assert.ok(code === "invalid-reference" || code === "invalid-digest", `${input}: ${code}`);
      continue;
    }
    const given = answer(reference.parseName(input));
    // 64 digits are an identifier, so a familiar name of them would not be that name again.
    const isIdentifier = /^[0-9a-f]{64}$/.test(expected.familiarName) || /^(docker.io\/library\/)?sha256:[0-9a-f]{64}$/.test(expected.string);
    const familiarName = isIdentifier ? expected.name : expected.familiarName;
    assert.deepEqual(given, { ...expected, familiarName }, input);
  }
});

test("upstream tables of names hold", () => {
  for (const { input, domain, path } of tables.TestNormalizedSplitHostname) {
    const name = reference.parseName(input);
    assert.deepEqual([name.registry, name.repository], [domain, path], input);
  }
  for (const row of tables.TestParseRepositoryInfo) {
    for (const text of [row.FullName, row.FamiliarName, row.AmbiguousName].filter((it) => it !== "")) {
      const name = reference.parseName(text);
      assert.deepEqual([name.registry, name.repository, name.canonical, name.familiar], [row.Domain, row.RemoteName, row.FullName, row.FamiliarName], text);
    }
  }
  for (const [table, valid] of /** @type {const} */ ([
    ["TestValidateReferenceName.validRepoNames", true],
    ["TestValidateReferenceName.invalidRepoNames", false],
    ["TestValidateRemoteName.validRepositoryNames", true],
    ["TestValidateRemoteName.invalidRepositoryNames", false],
  ])) {
    for (const name of tables[table]) assert.equal(codeOf(() => reference.parseName(name)) === undefined, valid, name);
  }
  for (const { input, err } of tables.TestParseNamed) {
    let canonical;
    try {
      ({ canonical } = reference.parseName(input));
    } catch {}
    assert.equal(canonical === input, err === undefined, input);
  }
});

test("schemes name the kind of place, and readings go from the longest path to the shortest (Y-10)", () => {
  for (const [text, location, path] of [
    ["oci:/a/b", "layout", "/a/b"],
    ["oci-archive:a.tar", "layout-archive", "a.tar"],
    ["docker-archive:a.tar", "docker-archive", "a.tar"],
    ["./a", "path", "./a"],
    ["My Image.tar", "path", "My Image.tar"],
  ]) {
    assert.deepEqual(reference.parse(text), { location, candidates: [{ path, selector: {} }] }, text);
  }
  assert.deepEqual(reference.parse("oci:img:docker.io/library/busybox:latest").candidates, [
    { path: "img:docker.io/library/busybox:latest", selector: {} },
    { path: "img:docker.io/library/busybox", selector: { tag: "latest" } },
    { path: "img", selector: { tag: "docker.io/library/busybox:latest" } },
  ]);
  const { location, name } = reference.parse("docker://ghcr.io/a/b:c");
  assert.deepEqual([location, name?.registry, name?.selector], ["registry", "ghcr.io", { tag: "c" }]);
});

test("what is no reference is refused (CVE-2024-3727)", () => {
  for (const text of ["", "oci:", "docker://", "https://example.com/a", "-@o", `./${":".repeat(6000)}`]) {
    assert.throws(() => reference.parse(text), portolan("invalid-reference"), text.slice(0, 20));
  }
  for (const digest of ["sha256:../../etc/passwd", "sha256:", "sha256:ABC", "../x:y"]) {
    const code = codeOf(() => reference.parseName(`busybox@${digest}`));
    assert.ok(code === "invalid-reference" || code === "invalid-digest", `${digest}: ${code}`);
  }
});
