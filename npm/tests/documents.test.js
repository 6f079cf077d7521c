// @ts-check
/** The documents and vectors of `tests/fixtures`, as `components/image/tests/` has them, through `toolkit()`. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { toolkit } from "../dist/index.js";
import { MEDIA, sha256 } from "./blobs.js";
import { REPOSITORY, over } from "./components.js";
import { over as digestsOver } from "../dist/digest.js";
import { bytesOf, codeOf, jsonOf, portolan } from "./fixtures.js";

/** @typedef {import("../dist/index.js").Toolkit} Toolkit */
/** @type {Toolkit} */
let tools;
before(async () => {
  tools = await toolkit();
});

const EMPTY = { mediaType: "application/vnd.oci.empty.v1+json", digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", size: 2 };

/** A manifest with the bytes of one descriptor as they are. @param {Uint8Array} bytes */
function around(bytes) {
  const text = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.manifest, artifactType: "application/x.test", config: EMPTY, layers: ["here"] });
  return Buffer.from(text.replace('"here"', () => Buffer.from(bytes).toString()));
}

/** @type {Record<string, (bytes: Uint8Array) => unknown>} */
const parsers = {
  descriptor: (bytes) => tools.manifest.parse(around(bytes)),
  index: (bytes) => assert.equal(tools.manifest.parse(bytes, { mediaType: MEDIA.index }).kind, "index"),
  manifest: (bytes) => assert.equal(tools.manifest.parse(bytes, { mediaType: MEDIA.manifest }).kind, "image"),
  config: (bytes) => tools.manifest.parseConfig(bytes),
  layout: (bytes) => assert.match(tools.manifest.parseLayout(bytes), /^1\./),
};

/** Docker's documents are sent under Docker's types. @param {string} kind @param {string} file */
function parse(kind, file) {
  const bytes = bytesOf(file);
  const own = kind === "index" || kind === "manifest" ? mediaTypeOf(bytes) : undefined;
  if (own?.startsWith("application/vnd.docker.distribution.manifest.")) return tools.manifest.parse(bytes, { mediaType: own });
  return parsers[kind](bytes);
}

/** @param {Uint8Array} bytes @returns {string | undefined} */
function mediaTypeOf(bytes) {
  try {
    return JSON.parse(Buffer.from(bytes).toString()).mediaType;
  } catch {
    return undefined;
  }
}

test("every document has the verdict of the image-spec's suite", () => {
  const { fixtures } = jsonOf("INDEX.json");
  assert.ok(fixtures.length > 80, `${fixtures.length}`);
  // N-08: the suite follows the JSON schema (minItems 1), the text only says SHOULD.
  const deviations = new Map([["invalid/manifest-05-empty-layer-expected-at-least-one.json", "valid"]]);
  for (const { file, kind, expect, reason } of fixtures) {
    const code = codeOf(() => parse(kind, file));
    assert.equal(code === undefined ? "valid" : "invalid", deviations.get(file) ?? expect, `${file}: ${code}; ${reason}`);
  }
});

test("every document in the folders has a verdict", () => {
  const listed = new Set(jsonOf("INDEX.json").fixtures.map((/** @type {any} */ { file }) => file));
  for (const folder of ["valid", "invalid"]) {
    for (const name of readdirSync(join(REPOSITORY, "tests/fixtures", folder))) assert.ok(listed.has(`${folder}/${name}`), name);
  }
});

test("every extra document has the verdict of the text", () => {
  const { fixtures } = jsonOf("extra/INDEX.json");
  assert.ok(fixtures.length > 20, `${fixtures.length}`);
  for (const { file, kind, expect, why } of fixtures) {
    const code = codeOf(() => parse(kind, file));
    if (file === "extra/descriptor-size-above-2p53.json") {
      // J-08: a number of JavaScript would lose a digit; it is refused and not rounded.
      assert.equal(code, "limit-exceeded", why);
    } else if (expect === "ambiguous") {
      // CVE-2021-41190, whatever it is said to be.
      for (const mediaType of [undefined, MEDIA.manifest, MEDIA.index]) {
        assert.equal(codeOf(() => tools.manifest.parse(bytesOf(file), { mediaType })), "ambiguous-document", file);
      }
    } else if (expect === "suspicious") {
      // C-21: no MUST forbids it, so it parses.
      const { history, diffIds } = tools.manifest.parseConfig(bytesOf(file));
      assert.notEqual(history.filter(({ emptyLayer }) => !emptyLayer).length, diffIds.length, file);
    } else assert.equal(code === undefined, expect === "valid", `${file}: ${code}; ${why}`);
  }
});

test("documents as they were published by Docker have their digests", () => {
  const published = jsonOf("INDEX.json").fixtures.filter((/** @type {any} */ { digest }) => digest);
  assert.ok(published.length > 0);
  for (const { file, digest, size } of published) {
    const bytes = bytesOf(file);
    assert.equal(tools.digest.compute(bytes), digest, file);
    tools.digest.verify({ mediaType: "application/octet-stream", digest, size }, bytes);
  }
  const manifest = tools.manifest.parse(bytesOf("valid/manifest-docker-compat-0.json"));
  assert.equal(manifest.mediaType, "application/vnd.docker.distribution.manifest.v2+json");
});

test("absent members are absent, and present ones are as the document has them", () => {
  const manifest = tools.manifest.parse(bytesOf("valid/manifest-04-manifest-with-only-required-fields.json"));
  assert.ok(manifest.kind === "image");
  assert.deepEqual(Object.keys(manifest).sort(), ["annotations", "config", "kind", "layers", "mediaType"]);
  const config = tools.manifest.parseConfig(bytesOf("valid/config-spec-config-0-image-json.json"));
  const written = jsonOf("valid/config-spec-config-0-image-json.json");
  assert.deepEqual(config.env, written.config.Env);
  assert.deepEqual(config.entrypoint, written.config.Entrypoint);
  assert.deepEqual(config.labels, written.config.Labels);
  assert.deepEqual(config.exposedPorts, Object.keys(written.config.ExposedPorts));
  assert.deepEqual([...config.volumes].sort(), Object.keys(written.config.Volumes).sort());
  assert.deepEqual(config.platform, { os: written.os, architecture: written.architecture });
  assert.deepEqual([config.user, config.workingDir, config.author, config.created], [written.config.User, written.config.WorkingDir, written.author, written.created]);
  assert.deepEqual(config.diffIds, written.rootfs.diff_ids);
  assert.deepEqual(config.history[1], { created: written.history[1].created, createdBy: written.history[1].created_by, emptyLayer: true });
});

test("annotations whose keys mean something to JavaScript are members like others", () => {
  const text = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.index, manifests: [] });
  const bytes = Buffer.from(text.replace(/}$/, ',"annotations":{"__proto__":"x","constructor":"y"}}'));
  const { annotations } = tools.manifest.parse(bytes);
  assert.deepEqual(Object.entries(annotations), [["__proto__", "x"], ["constructor", "y"]]);
  assert.equal(Object.getPrototypeOf(annotations), Object.prototype);
});

test("embedded data is bytes (descriptor.md)", () => {
  const manifest = tools.manifest.parse(around(bytesOf("valid/descriptor-20-data-field-is-present-and-has-base64-content.json")));
  assert.ok(manifest.kind === "image");
  const written = jsonOf("valid/descriptor-20-data-field-is-present-and-has-base64-content.json");
  assert.deepEqual(Buffer.from(manifest.layers[0].data ?? []), Buffer.from(written.data, "base64"));
});

test("limits of documents are kept and named", () => {
  const bytes = bytesOf("valid/manifest-spec-manifest-0-manifest.json");
  assert.throws(() => tools.manifest.parse(bytes, { limits: { "manifest-bytes": 10 } }), portolan("limit-exceeded", "manifest-bytes", "10"));
  assert.throws(() => tools.manifest.parse(bytes, { limits: { layers: 1 } }), portolan("limit-exceeded", "layers", "1"));
  assert.throws(() => tools.manifest.parse(bytes, { limits: { layers: -1 } }), TypeError);
  assert.throws(() => tools.manifest.parse(bytes, { limits: { layers: 1.5 } }), TypeError);
  const defaults = tools.limits.defaults();
  // No time limit is the one that is none.
  for (const [key, value] of Object.entries(defaults)) assert.ok(Number.isSafeInteger(value) && (value > 0 || key === "seconds"), key);
  assert.deepEqual(tools.limits.parse("layers=16,layer-bytes=2K"), { layers: 16, "layer-bytes": 2048 });
  assert.throws(() => tools.limits.parse("layer=16"), portolan("invalid-document", "layer"));
});

// G-01 to G-08, and CVE-2024-3727.
test("digests parse as the vectors say", () => {
  const cases = jsonOf("vectors/digests.json").parse;
  assert.ok(cases.length > 20);
  for (const { input, expect, algorithm, encoded } of cases) {
    if (!expect.startsWith("valid")) {
      assert.throws(() => tools.digest.parse(input), portolan("invalid-digest"), JSON.stringify(input));
      continue;
    }
    const parsed = tools.digest.parse(input);
    assert.equal(parsed.registered, expect === "valid", input);
    assert.equal(`${parsed.algorithm}:${parsed.encoded}`, input);
    if (algorithm !== undefined) assert.deepEqual([parsed.algorithm, parsed.encoded], [algorithm, encoded]);
  }
});

/** @param {any} row */
const bytesOfHash = ({ base64, size }) => (base64 === undefined ? Uint8Array.from({ length: size }, (_, at) => at % 251) : Buffer.from(base64, "base64"));

for (const hasher of /** @type {const} */ (["node:crypto", "the hasher component"])) {
  test(`hashes are those of the vectors with ${hasher} (G-04 to G-07)`, async () => {
    const digest = digestsOver(await over(hasher));
    for (const row of jsonOf("vectors/digests.json").hash) {
      const bytes = bytesOfHash(row);
      assert.equal(bytes.length, row.size);
      for (const algorithm of ["sha256", "sha512", "blake3"]) {
        assert.equal(digest.compute(bytes, algorithm), row[algorithm], `${row.name} with ${algorithm}`);
        const verifier = digest.verifier(row[algorithm], bytes.length);
        for (let start = 0; start < bytes.length; start += 61) verifier.feed(bytes.subarray(start, start + 61));
        verifier.finish();
      }
    }
    assert.throws(() => digest.compute(new Uint8Array(1), "md5"), portolan("unsupported-algorithm", "md5"));
  });
}

test("both hashers give the same digests, however bytes are cut", async () => {
  const [one, other] = [await over("node:crypto"), await over("the hasher component")];
  const bytes = Uint8Array.from({ length: 300_000 }, (_, at) => Math.imul(at, 2_654_435_761) >>> 24);
  for (const length of [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 1023, 1024, 1025, 65_536, 300_000]) {
    for (const algorithm of ["sha256", "sha384", "sha512", "blake3"]) {
      const [expected, ...answers] = [one, other].flatMap((root) =>
        [61, 1 << 20].map((chunk) => {
          const digester = root.digest.Digester.start(algorithm);
          for (let start = 0; start < length; start += chunk) digester.feed(bytes.subarray(start, Math.min(length, start + chunk)));
          return digester.finish();
        }),
      );
      for (const answer of answers) assert.equal(answer, expected, `${algorithm} of ${length} bytes`);
      if (algorithm === "sha256") assert.equal(expected, sha256(bytes.subarray(0, length)));
    }
  }
});

test("a verifier tells a byte too many, too few bytes and another byte (D-*)", () => {
  const digest = sha256(Buffer.from("hello"));
  const long = tools.digest.verifier(digest, 5);
  long.feed(Buffer.from("hello"));
  assert.throws(() => long.feed(Buffer.from("!")), portolan("size-mismatch", "5"));
  const short = tools.digest.verifier(digest, 5);
  short.feed(Buffer.from("hell"));
  assert.throws(() => short.finish(), portolan("size-mismatch", "4", "5"));
  const other = tools.digest.verifier(digest, 5);
  other.feed(Buffer.from("hallo"));
  assert.throws(() => other.finish(), portolan("digest-mismatch", digest));
  assert.throws(() => tools.digest.verifier("sha999:abc", 1), portolan("unsupported-algorithm", "sha999"));
  assert.throws(() => tools.digest.verify({ mediaType: "a/b", digest, size: 6 }, Buffer.from("hello")), portolan("size-mismatch"));
});

test("chain ids are those of the vectors (C-18)", () => {
  let computed = 0;
  for (const { name, diffIDs, chainIDs } of jsonOf("vectors/chainids.json").cases) {
    // `sha256:a` is no digest (G-04).
    if (diffIDs.includes("sha256:a")) {
      assert.throws(() => tools.digest.chainIds(diffIDs), portolan("invalid-digest"), name);
      continue;
    }
    assert.deepEqual(tools.digest.chainIds(diffIDs), chainIDs, name);
    computed += 1;
  }
  assert.ok(computed >= 2, `${computed}`);
});

// The interface names no kinds of media types: what they do is which documents and layers are read.
test("media types are read as the vectors say", () => {
  const { valid, base, known } = jsonOf("vectors/media-types.json");
  for (const { name, input, valid: expected } of valid) {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.manifest, artifactType: "application/x.test", config: EMPTY, layers: [{ ...EMPTY, mediaType: input }] }));
    assert.equal(codeOf(() => tools.manifest.parse(bytes)), expected ? undefined : "invalid-document", name);
  }
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.index, manifests: [] }));
  for (const { input, base: expected } of base) {
    assert.equal(tools.manifest.parse(index, { mediaType: input }).mediaType, expected, input);
  }
  for (const { mediaType, kind } of known) {
    const code = codeOf(() => tools.manifest.parse(index, { mediaType }));
    if (mediaType === MEDIA.index) assert.equal(code, undefined);
    else assert.ok(code === "unsupported-media-type" || code === "ambiguous-document" || code === "invalid-document", `${mediaType}, ${kind}: ${code}`);
  }
});

test("a damaged document is an error and never a defect", () => {
  const files = [...jsonOf("INDEX.json").fixtures, ...jsonOf("extra/INDEX.json").fixtures];
  let state = 20_240_101;
  const random = (/** @type {number} */ below) => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) % below;
  const pieces = ["\0", "\xff", "{", "}", "[", "]", ":", ",", '"', "1e9", "null", "\\u"];
  let refused = 0;
  for (let run = 0; run < 2_000; run += 1) {
    const { kind, file } = files[random(files.length)];
    let bytes = bytesOf(file);
    for (let edit = random(5); edit >= 0; edit -= 1) {
      const at = random(bytes.length);
      bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(pieces[random(pieces.length)], "latin1"), bytes.subarray(at + 1)]);
    }
    // `codeOf` fails for whatever is no error of an image.
    if (codeOf(() => (kind === "config" ? tools.manifest.parseConfig(bytes) : kind === "layout" ? tools.manifest.parseLayout(bytes) : tools.manifest.parse(bytes)))) refused += 1;
  }
  assert.ok(refused > 500, `${refused}`);
});
