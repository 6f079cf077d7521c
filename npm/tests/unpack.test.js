// @ts-check
/** Unpacking into a directory: what is there afterwards, and that nothing is there after an error. */
import assert from "node:assert/strict";
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { openImage, pathBytes, unpack } from "../dist/index.js";
import { single } from "./blobs.js";
import { DEMO, demoTree } from "./demo.js";
import { portolan } from "./fixtures.js";
import { nothingMoreIsOpen, openFiles, run, scratch } from "./scratch.js";
import * as tars from "./tar.js";
import { everyWay } from "./ways.js";

const AMD64 = { platform: "linux/amd64" };
const directory = scratch();
const isRoot = process.getuid?.() === 0;
/** A directory with nothing in it. */
const place = () => mkdtempSync(join(directory, "p-"));

/** Everything below a directory, by path, in the order of the names' bytes. @param {string} root */
function snapshot(root) {
  /** @type {Map<string, import("node:fs").Stats>} */
  const found = new Map();
  const look = (/** @type {Buffer} */ path, /** @type {Buffer} */ at) => {
    const stats = lstatSync(at);
    found.set(path.toString("latin1"), stats);
    if (!stats.isDirectory()) return;
    for (const name of readdirSync(at, { encoding: "buffer" })) {
      look(path.length === 0 ? name : Buffer.concat([path, Buffer.from("/"), name]), Buffer.concat([at, Buffer.from("/"), name]));
    }
  };
  look(Buffer.alloc(0), Buffer.from(root));
  return found;
}

/** @param {string} root @param {Map<string, import("./demo.js").Expected>} expected @param {{ owners: boolean }} as */
function isTree(root, expected, { owners }) {
  const found = snapshot(root);
  assert.deepEqual([...found.keys()].sort(), [...expected.keys()].sort());
  for (const [path, { kind, mode, uid, gid, mtime, content, target, sameAs, links }] of expected) {
    const stats = /** @type {import("node:fs").Stats} */ (found.get(path));
    const is = stats.isDirectory() ? "directory" : stats.isSymbolicLink() ? "symlink" : stats.isFile() ? "file" : "other";
    assert.equal(is, kind, path);
    // What a user who is not root may set is less.
    if (kind !== "symlink") assert.equal((stats.mode & 0o7777).toString(8), (owners ? mode : mode & 0o1777).toString(8), path);
    if (owners) assert.deepEqual([stats.uid, stats.gid], [uid, gid], path);
    assert.equal(Math.floor(stats.mtimeMs / 1000), mtime, path);
    if (content) assert.ok(readFileSync(join(root, path)).equals(content), path);
    if (target !== undefined) assert.equal(readlinkSync(join(root, path)), target);
    if (kind === "file") assert.equal(stats.nlink, links, path);
    if (sameAs !== undefined) assert.equal(stats.ino, found.get(sameAs)?.ino, path);
  }
}

everyWay((way) => {
  test("the demo image is unpacked as its layers say", async () => {
    const parent = place();
    const open = openFiles();
    for (const architecture of /** @type {const} */ (["amd64", "arm64"])) {
      const image = await openImage(DEMO, { ...way, platform: `linux/${architecture}` });
      const destination = join(parent, architecture);
      /** @type {Map<string, number>} */
      const progress = new Map();
      const told = await unpack(image, architecture === "amd64" ? destination : pathToFileURL(destination), {
        onProgress: ({ path, bytes }) => progress.set(path, bytes),
      });
      const expected = demoTree(architecture);
      isTree(destination, expected, { owners: isRoot });
      const files = [...expected].filter(([, { kind, sameAs }]) => kind === "file" && sameAs === undefined);
      assert.deepEqual([...progress].sort(), files.map(([path, { content }]) => [path, content?.length]).sort());
      assert.deepEqual(told, { paths: expected.size, bytes: files.reduce((sum, [, { content }]) => sum + (content?.length ?? 0), 0), withheld: [] });
      await image.close();
    }
    assert.deepEqual(readdirSync(parent).sort(), ["amd64", "arm64"], "nothing else is left");
    await nothingMoreIsOpen(open);
  });

  test("a destination that is there already is left as it is", async () => {
    const parent = place();
    const image = await openImage(DEMO, { ...way, ...AMD64 });
    mkdirSync(join(parent, "directory"));
    writeFileSync(join(parent, "file"), "mine");
    symlinkSync("directory", join(parent, "link"));
    symlinkSync("nowhere", join(parent, "dangling"));
    for (const name of ["directory", "file", "link", "dangling"]) {
      await assert.rejects(unpack(image, join(parent, name)), portolan("invalid-source", name), name);
    }
    await assert.rejects(unpack(image, join(parent, "no/such/parent")), portolan("invalid-source"));
    assert.deepEqual(readdirSync(parent).sort(), ["dangling", "directory", "file", "link"]);
    assert.deepEqual(readdirSync(join(parent, "directory")), []);
    assert.equal(readFileSync(join(parent, "file"), "utf8"), "mine");
    await image.close();
  });

  test("nothing is left after a damaged layer, a missing one, and an error in the second reading", async () => {
    const parent = place();
    const layout = single({ layers: [[tars.file("a", "x".repeat(100_000)), tars.dir("d", { mode: 0 }), tars.file("d/f", "1")], [tars.file("b", "y")]] });
    const [first, second] = layout.archives.keys();
    for (const [digest, change] of /** @type {[string, (blob: Buffer) => Buffer | undefined][]} */ ([
      [first, (blob) => Buffer.concat([blob.subarray(0, -5), Buffer.from("12345")])],
      [second, (blob) => blob.subarray(0, -1)],
      [second, () => undefined],
    ])) {
      const { index, read } = layout.source();
      for (const from of [1, 2]) {
        let reads = 0;
        const source = { index, read: (/** @type {any} */ descriptor) => {
          if (descriptor.digest !== digest) return read(descriptor);
          reads += 1;
          const blob = /** @type {Buffer} */ (layout.blobs.get(digest));
          return reads < from ? blob : change(blob);
        } };
        const image = await openImage(source, { ...way, ...AMD64 });
        await assert.rejects(unpack(image, join(parent, "rootfs")), (/** @type {any} */ { code }) => /^(digest|size)-mismatch$|^blob-not-found$/.test(code));
        assert.ok(reads >= from);
        await image.close();
        assert.deepEqual(readdirSync(parent), []);
      }
    }
  });

  test("every kind of node is made or listed as withheld", async () => {
    const parent = place();
    const entries = [
      tars.file("f", "1", { pax: [["SCHILY.xattr.user.a", "b"]] }),
      tars.charDevice("null", 1, 3),
      tars.hardlink("null2", "null"),
      tars.fifo("pipe"),
      // What is withheld is not taken for another name of something that is not.
      tars.charDevice("f: a trap", 1, 3),
      tars.hardlink("f2", "f"),
      tars.symlink("s", "f"),
      tars.hardlink("s2", "s"),
      tars.sparse("holes", 5_000_000, [[1024, "x".repeat(512)]]),
      tars.file(Buffer.from([0x6e, 0xff]), "bytes"),
      tars.dir("locked", { mode: 0o500 }),
      tars.file("locked/in", "1", { mode: 0o400 }),
      tars.file("deep/er/without/parents", "1"),
      tars.file("old", "1", { mtime: -1 }),
    ];
    const image = await openImage(single({ layers: [entries] }).source(), { ...way, ...AMD64 });
    const root = join(parent, "rootfs");
    const { withheld } = await unpack(image, root);
    assert.deepEqual([...withheld].sort(), [
      "f: a trap: a char-device cannot be made",
      "f: the extended attribute user.a cannot be set",
      "null2: a char-device cannot be made",
      "null: a char-device cannot be made",
      "pipe: a fifo cannot be made",
    ]);
    const found = snapshot(root);
    assert.deepEqual([...found.keys()].sort(), ["", "deep", "deep/er", "deep/er/without", "deep/er/without/parents", "f", "f2", "holes", "locked", "locked/in", "n\xff", "old", "s", "s2"]);
    assert.equal(found.get("f")?.ino, found.get("f2")?.ino);
    assert.deepEqual([readlinkSync(join(root, "s2")), found.get("s")?.ino], ["f", found.get("s2")?.ino]);
    assert.equal(Math.floor(/** @type {any} */ (found.get("old")).mtimeMs / 1000), -1);
    assert.equal(/** @type {any} */ (found.get("locked")).mode & 0o7777, 0o500);
    const holes = readFileSync(join(root, "holes"));
    assert.deepEqual([holes.length, holes.indexOf("x"), holes.lastIndexOf("x")], [5_000_000, 1024, 1535]);
    assert.ok(/** @type {any} */ (found.get("holes")).blocks * 512 < 1_000_000, "a hole takes no room");
    assert.equal(readFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from(pathBytes("n\udcff"))])).toString(), "bytes");
    await image.close();
  });

  test("no hostile layer reaches what is outside", async () => {
    const outside = place();
    writeFileSync(join(outside, "secret"), "secret");
    const inside = outside.slice(1);
    /** @type {Record<string, { layers: import("./tar.js").Entry[][], refused?: string, tree?: Record<string, string> }>} */
    const attacks = {
      "a name that climbs": { layers: [[tars.file("../secret", "x")]], refused: "invalid-path" },
      "a name that climbs and comes back": { layers: [[tars.dir("a"), tars.file("a/../../secret", "x")]], refused: "invalid-path" },
      "a climbing name in PAX": { layers: [[tars.file("a", "x", { pax: [["path", "../secret"]] })]], refused: "invalid-path" },
      "an absolute name": { layers: [[tars.file(join(outside, "secret"), "x")]], tree: { [`${inside}/secret`]: "x" } },
      "a symbolic link as a parent": { layers: [[tars.symlink("l", outside), tars.file("l/secret", "x")]], tree: { [`${inside}/secret`]: "x" } },
      "a symbolic link as a parent in the layer below": { layers: [[tars.symlink("l", outside)], [tars.file("l/secret", "x")]], tree: { [`${inside}/secret`]: "x" } },
      "a relative link as a parent": { layers: [[tars.symlink("l", "../../../../../../.."), tars.file(`l${outside}/secret`, "x")]], tree: { [`${inside}/secret`]: "x" } },
      "a link in place of a directory": { layers: [[tars.dir("d"), tars.file("d/secret", "1")], [tars.symlink("d", outside)], [tars.file("d/secret", "x")]], tree: { [`${inside}/secret`]: "x" } },
      "a whiteout through a link": { layers: [[tars.symlink("l", outside)], [tars.file("l/.wh.secret")]], tree: {} },
      "a link to the link that is a file": { layers: [[tars.symlink("s", join(outside, "secret")), tars.file("s", "x")]], tree: { s: "x" } },
      "a hard link to what is outside": { layers: [[tars.hardlink("h", join(outside, "secret"))]], refused: "invalid-link" },
      "a hard link that climbs": { layers: [[tars.hardlink("h", "../secret")]], refused: "invalid-link" },
      "a hard link through a symbolic link": { layers: [[tars.symlink("l", outside), tars.hardlink("h", "l/secret")]], refused: "invalid-link" },
      "a hard link to a symbolic link, written through": { layers: [[tars.symlink("s", join(outside, "secret")), tars.hardlink("h", "s"), tars.file("h", "x")]], tree: { h: "x" } },
      "the root as a symbolic link": { layers: [[tars.symlink(".", outside), tars.file("secret", "x")]], refused: "invalid-path" },
      "the root as a file": { layers: [[tars.file(".", "x")]], refused: "invalid-path" },
      "the root as a hard link": { layers: [[tars.file("a"), tars.hardlink("./", "a")]], refused: "invalid-path" },
      "a directory whose mode keeps everybody out": { layers: [[tars.dir("d", { mode: 0 }), tars.file("d/f", "x"), tars.symlink("d/l", outside)]], tree: { "d/f": "x" } },
      "an owner and times through a link": { layers: [[tars.symlink("s", join(outside, "secret"), { uid: 12_345, gid: 12_345, mode: 0o777, mtime: 1 })]], tree: {} },
    };
    const before = statSync(join(outside, "secret"));
    for (const [name, { layers, refused, tree = {} }] of Object.entries(attacks)) {
      const parent = place();
      const image = await openImage(single({ layers }).source(), { ...way, ...AMD64 });
      const root = join(parent, "rootfs");
      if (refused) {
        await assert.rejects(unpack(image, root), portolan(refused), name);
        assert.deepEqual(readdirSync(parent), [], name);
      } else {
        await unpack(image, root);
        assert.deepEqual(readdirSync(parent), ["rootfs"], name);
        const files = [...snapshot(root)].filter(([, stats]) => stats.isFile()).map(([path]) => path);
        assert.deepEqual(files, Object.keys(tree), name);
        for (const [path, content] of Object.entries(tree)) assert.equal(readFileSync(join(root, path), "utf8"), content, name);
      }
      assert.deepEqual(readdirSync(outside), ["secret"], name);
      assert.equal(readFileSync(join(outside, "secret"), "utf8"), "secret", name);
      const { mode, uid, gid, mtimeMs, nlink, ino } = statSync(join(outside, "secret"));
      assert.deepEqual([mode, uid, gid, mtimeMs, nlink, ino], [before.mode, before.uid, before.gid, before.mtimeMs, before.nlink, before.ino], name);
      await image.close();
    }
  });
});

test("without privileges all is made but owners and their bits, and nothing is left after errors", { skip: !isRoot && "only root can become somebody else" }, async () => {
  const parent = place();
  for (const path of [directory, parent]) chmodSync(path, 0o755);
  const mine = join(parent, "mine");
  mkdirSync(mine);
  chownSync(mine, 65_534, 65_534);
  const hostile = single({ layers: [[tars.dir("d", { mode: 0 }), tars.file("d/f", "1"), tars.dir("e", { mode: 0o555 }), tars.file("e/f", "1", { mode: 0o444 })]] });
  const damaged = single({ layers: [[tars.dir("d", { mode: 0o500 }), tars.file("d/f", "1")], [tars.file("g", "2")]] });
  const layouts = join(parent, "layouts");
  await hostile.write(join(layouts, "hostile"));
  await damaged.write(join(layouts, "damaged"));
  const [, digest] = damaged.archives.keys();
  writeFileSync(join(layouts, "damaged/blobs", digest.replace(":", "/")), "x");
  const script = `
    const [demo, layouts, mine] = process.argv.slice(2);
    const open = (path) => portolan.openImage(path, { platform: "linux/amd64" });
    if (process.getuid() !== 65534) throw new Error("it is somebody else");
    const told = await portolan.unpack(await open(demo), mine + "/demo");
    console.log(told.withheld.length);
    await portolan.unpack(await open(layouts + "/hostile"), mine + "/hostile");
    await portolan.unpack(await open(layouts + "/damaged"), mine + "/damaged").catch(({ code }) => console.log(code));
    const controller = new AbortController();
    await portolan.unpack(await open(demo), mine + "/aborted", { signal: controller.signal, onProgress: () => controller.abort(new Error("given up")) })
      .catch(({ message }) => console.log(message));
    await portolan.unpack(await open(demo), "/portolan-refused").catch(({ code }) => console.log(code));`;
  // The package may lie where only root can read: what is copied can be read by everybody.
  const copied = join(parent, "package");
  const { cpSync } = await import("node:fs");
  for (const name of ["dist", "generated", "package.json"]) cpSync(new URL(`../${name}`, import.meta.url), join(copied, name), { recursive: true });
  cpSync(DEMO, join(parent, "demo"), { recursive: true });
  const { code, stdout, stderr } = await run(script, { args: [join(parent, "demo"), layouts, mine], uid: 65_534, gid: 65_534, from: join(copied, "dist/index.js") });
  assert.deepEqual([code, stderr], [0, ""]);
  assert.deepEqual(stdout.trim().split("\n"), ["0", "size-mismatch", "given up", "invalid-source"]);
  assert.deepEqual(readdirSync(mine).sort(), ["demo", "hostile"]);
  isTree(join(mine, "demo"), demoTree("amd64"), { owners: false });
  const found = snapshot(join(mine, "hostile"));
  assert.deepEqual(["d", "e", "e/f"].map((path) => /** @type {any} */ (found.get(path)).mode & 0o7777), [0, 0o555, 0o444]);
  assert.ok([...found.values()].every(({ uid }) => uid === 65_534));
  assert.ok(!existsSync("/portolan-refused"));
});

test("names that differ in case alone cannot be tested where file systems tell them apart", (t) => {
  const parent = place();
  writeFileSync(join(parent, "a"), "");
  if (!existsSync(join(parent, "A"))) return t.skip("this file system tells `a` from `A`");
  return assert.rejects(async () => {
    const image = await openImage(single({ layers: [[tars.file("a", "1"), tars.file("A", "2")]] }).source(), AMD64);
    await unpack(image, join(parent, "rootfs"));
  }, portolan("invalid-path", "same name"));
});
