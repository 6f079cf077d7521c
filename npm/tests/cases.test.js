// @ts-check
/** The cases of `tests/cases`, which every driver of the toolkit answers alike (`host/tests/cases/` has the others). */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathBytes } from "../dist/index.js";
import { over as digests } from "../dist/digest.js";
import { over as documents } from "../dist/manifest.js";
import { over as platforms } from "../dist/platform.js";
import { over as references } from "../dist/reference.js";
import { over as runtimes } from "../dist/runtime.js";
import { LocalTree } from "../dist/tree.js";
import { compress } from "./blobs.js";
import { REPOSITORY, hashers, over, readLayer } from "./components.js";
import { tar } from "./tar.js";

/** @typedef {import("./components.js").Instance} Instance */

const CASES = join(REPOSITORY, "tests/cases");

/** @param {any} entries */
function archive(entries) {
  return tar(
    entries.map((/** @type {any} */ { name = "", type, content, link, mode = "644", uid, gid, mtime = 0, pax = {} }) => ({
      name, type, content, link, mode: parseInt(mode, 8), uid, gid, mtime, pax: Object.entries(pax),
    })),
  );
}

/** Rust's `escape_ascii` of a path or content. @param {string | Uint8Array} text */
function shown(text) {
  /** @type {Record<string, string>} */
  const short = { "\t": "\\t", "\r": "\\r", "\n": "\\n", "'": "\\'", '"': '\\"', "\\": "\\\\" };
  const bytes = typeof text === "string" ? pathBytes(text) : text;
  return [...bytes]
    .map((byte) => String.fromCharCode(byte))
    .map((letter) => short[letter] ?? (/[ -~]/.test(letter) ? letter : `\\x${letter.charCodeAt(0).toString(16).padStart(2, "0")}`))
    .join("");
}

/** Without the members that are absent or empty lists or objects. @param {Record<string, unknown>} members */
function object(members) {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined && value !== null && !(typeof value === "object" && Object.keys(value).length === 0)),
  );
}

/** @param {import("../dist/index.js").Node | import("../dist/index.js").Entry} node */
function kindOf({ kind, size, target, device }) {
  switch (kind) {
    case "file":
      return `file of ${size}`;
    case "symlink":
      return `symlink to ${shown(target ?? "")}`;
    case "hard-link":
      return `hard link to ${shown(target ?? "")}`;
    case "char-device":
    case "block-device":
      return `${kind.replace("-", " ")} ${device?.major}:${device?.minor}`;
    default:
      return kind;
  }
}

/** @param {number} mode */
const octal = (mode) => mode.toString(8).padStart(4, "0");

/** @param {Instance} root @param {import("../dist/index.js").Descriptor} descriptor */
function describe({ platform: interfaces }, { mediaType, digest, size, platform, artifactType, urls, annotations }) {
  const runsOn = platform && interfaces.format({ ...platform, osFeatures: platform.osFeatures ?? [] });
  return object({ "media-type": mediaType, digest, size, platform: runsOn, "artifact-type": artifactType, urls, annotations });
}

/** @type {Record<string, (root: Instance, input: any) => unknown>} */
const drivers = {
  digest(root, { text, digest, size, bytes, "diff-ids": diffIds }) {
    const interfaces = digests(root);
    if (bytes !== undefined) {
      const verifier = interfaces.verifier(digest, size);
      verifier.feed(Buffer.from(bytes));
      verifier.finish();
      return { verified: true };
    }
    return diffIds ? interfaces.chainIds(diffIds) : interfaces.parse(text);
  },
  reference(root, { text }) {
    const { location, candidates, name } = references(root).parse(text);
    const named = location === "registry" && name && object({ ...name, selector: undefined, ...name.selector });
    return object({ location, candidates: candidates.map(({ path, selector }) => object({ path, ...selector })), name: named || undefined });
  },
  platform(root, input) {
    const interfaces = platforms(root);
    /** @param {string} text */
    const platformOf = (text) => {
      const [os, architecture, variant] = text.split("/");
      return { os, architecture, ...(variant && { variant }) };
    };
    const wanted = input.wanted.map((/** @type {string} */ text) => interfaces.parse(text, platformOf(input.host)));
    const candidates = input.candidates.map((/** @type {string | null} */ text) => (text === null ? undefined : platformOf(text)));
    return { wanted: wanted.map(interfaces.format), selected: interfaces.select(candidates, wanted) };
  },
  manifest(root, { document, "media-type": mediaType }) {
    const bytes = Buffer.from(typeof document === "string" ? document : JSON.stringify(document));
    const parsed = documents(root).parse(bytes, { mediaType });
    const { artifactType, subject, annotations } = parsed;
    const common = { "artifact-type": artifactType, subject: subject && describe(root, subject), annotations };
    if (parsed.kind === "index") return { index: object({ manifests: parsed.manifests.map((it) => describe(root, it)), ...common }) };
    return { image: object({ config: describe(root, parsed.config), layers: parsed.layers.map((it) => describe(root, it)), ...common }) };
  },
  async layer(root, { entries, compression = "none", cut = 0, "media-type": mediaType, digest, "diff-id": diffId, strict = false }) {
    const whole = compress(archive(entries), compression);
    const blob = whole.subarray(0, whole.length - cut);
    const { changes, summary } = await readLayer(root, blob, { mediaType, digest, diffId, strict, size: blob.length });
    const list = [];
    let content = Buffer.alloc(0);
    let open = false;
    const end = () => {
      if (open) list.push({ content: shown(content) });
      open = false;
      content = Buffer.alloc(0);
    };
    for (const change of changes) {
      if (change.type === "content") {
        open = true;
        content = Buffer.concat([content, Buffer.alloc(change.offset - content.length), change.bytes]);
        continue;
      }
      end();
      if (change.type !== "entry") list.push({ [change.type]: shown(change.path) });
      else {
        const { path, ordinal, mode, uid, gid, mtime, xattrs } = change;
        list.push(
          object({
            entry: shown(path), ordinal, kind: kindOf(change), mode: octal(mode), owner: `${uid}:${gid}`,
            mtime: [mtime.seconds, mtime.nanoseconds],
            xattrs: xattrs.map(({ name, value }) => `${shown(name)}=${shown(value)}`),
          }),
        );
      }
    }
    end();
    return { changes: list, compression: summary.compression, warnings: summary.warnings.length };
  },
  async tree(root, { layers }) {
    // @ts-expect-error: the constructor is for whoever has an instance
    const tree = new LocalTree(root.tree, undefined);
    for (const layer of layers) {
      const unpacker = root.layer.Unpacker.start({ content: { tag: "all" }, checkpoints: 0, strict: false, limits: [] });
      unpacker.feed(archive(layer));
      for (let batch = unpacker.takeChanges(); batch; batch = unpacker.takeChanges()) {
        // However many are fed at once.
        for (let start = 0; start < batch.changes.length; start += 3) tree.feed({ ...batch, changes: batch.changes.slice(start, start + 3) });
      }
      unpacker.finish();
      tree.apply();
    }
    const nodes = [];
    for await (const page of tree.walk()) nodes.push(...page);
    await tree.close();
    return nodes.map((node) => {
      const { path, mode, layer, sameAs, links } = node;
      return object({ path: shown(path), kind: kindOf(node), mode: octal(mode), layer, "same-as": sameAs && shown(sameAs), links: links > 1 ? links : undefined });
    });
  },
  runtime(root, { config, passwd, group, cmd, terminal, "steering-labels": steeringLabels }) {
    /** @param {string | undefined} text */
    const bytes = (text) => (text === undefined ? undefined : Buffer.from(text));
    const inputs = { passwd: bytes(passwd), group: bytes(group), cmd, terminal: terminal === true, steeringLabels: steeringLabels === true };
    const { json, withheld } = runtimes(root).convert(Buffer.from(JSON.stringify(config)), inputs);
    const { process, mounts, annotations } = JSON.parse(Buffer.from(json).toString());
    const volumes = mounts
      .filter((/** @type {any} */ { type, destination }) => type === "tmpfs" && destination !== "/dev" && destination !== "/dev/shm")
      .map((/** @type {any} */ { destination }) => destination);
    return { args: process.args, env: process.env, cwd: process.cwd, user: process.user, volumes, annotations, withheld };
  },
};

const names = readdirSync(CASES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name: interfaceName }) =>
    readdirSync(join(CASES, interfaceName), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => ({ interfaceName, name })),
  );

test("no case is left out", () => {
  assert.ok(names.length >= 76, `only ${names.length} cases were found`);
  assert.deepEqual([...new Set(names.map(({ interfaceName }) => interfaceName))].sort(), Object.keys(drivers).sort());
});

for (const hasher of /** @type {(keyof typeof hashers)[]} */ (Object.keys(hashers))) {
  test(`every case has its answer with ${hasher}`, async (t) => {
    const root = await over(hasher);
    for (const { interfaceName, name } of names) {
      await t.test(`${interfaceName}/${name}`, async () => {
        const read = (/** @type {string} */ file) => JSON.parse(readFileSync(join(CASES, interfaceName, name, file), "utf8"));
        let answer;
        try {
          answer = await drivers[interfaceName](root, read("input.json"));
        } catch (/** @type {any} */ error) {
          // What a component throws itself has its error in the payload.
          const code = error.code ?? error.payload?.code;
          if (code === undefined) throw error;
          answer = { error: code };
        }
        assert.deepEqual(JSON.parse(JSON.stringify(answer)), read("expected.json"));
      });
    }
  });
}
