// @ts-check
/** Questions to the merged file system. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openImage } from "../dist/index.js";
import { single } from "./blobs.js";
import { DEMO, demoTree } from "./demo.js";
import { portolan } from "./fixtures.js";
import * as tars from "./tar.js";
import { all, bytesFrom, everyWay } from "./ways.js";

const AMD64 = { platform: "linux/amd64" };

everyWay((way) => {
  test("nodes are found by their paths, with and without following links", async () => {
    const image = await openImage(DEMO, { ...way, ...AMD64 });
    const tree = await image.tree();
    assert.equal(await image.tree(), tree, "it is made once");
    assert.deepEqual([(await tree.find("bin")).kind, (await tree.find("bin")).target], ["symlink", "usr/bin"]);
    assert.equal((await tree.resolve("/bin/")).path, "usr/bin");
    assert.equal((await tree.resolve("bin/hi")).path, "usr/bin/hello");
    assert.equal((await tree.resolve("etc/localtime")).path, "usr/share/zoneinfo/Europe/Berlin");
    assert.equal((await tree.find("")).kind, "directory");
    assert.equal((await tree.find("/")).path, "");
    for (const path of ["nothing", "etc/passwd/x", "usr/share/doc"]) await assert.rejects(tree.find(path), portolan("path-not-found", path.split("/")[0]), path);
    await assert.rejects(tree.resolve("bin/nothing"), portolan("path-not-found"));
    await image.close();
  });

  test("links that lead in circles or out of the image end", async () => {
    const layers = [[tars.symlink("a", "b"), tars.symlink("b", "a"), tars.symlink("out", "../../../etc/passwd"), tars.dir("etc"), tars.file("etc/passwd", "inside")]];
    const image = await openImage(single({ layers }).source(), { ...way, ...AMD64 });
    await assert.rejects((await image.tree()).resolve("a"), portolan("path-not-found", "a"));
    await assert.rejects(image.readFile("a/x"), portolan("path-not-found"));
    assert.equal(String(await bytesFrom(image.readFile("out"))), "inside");
    await image.close();
  });

  test("children, and a walk over what a pattern matches, come in the order of their bytes", async () => {
    const image = await openImage(DEMO, { ...way, ...AMD64 });
    const tree = await image.tree();
    const paths = (/** @type {import("../dist/index.js").Node[]} */ nodes) => nodes.map(({ path }) => path);
    assert.deepEqual(paths(await tree.children("usr/bin")), ["usr/bin/greet", "usr/bin/hello", "usr/bin/hello-as-root", "usr/bin/hi"]);
    assert.deepEqual(paths(await tree.children("/")), ["bin", "etc", "home", "tmp", "usr", "var"]);
    await assert.rejects(tree.children("etc/passwd"), portolan("path-not-found"));
    await assert.rejects(tree.children("nothing"), portolan("path-not-found"));
    assert.deepEqual(paths(await all(tree.walk("etc/{passwd,motd}"))), ["", "etc", "etc/motd", "etc/passwd"]);
    assert.deepEqual(paths(await all(tree.walk("no/such/*"))).filter((path) => path !== ""), []);
    // Every text is a pattern.
    assert.deepEqual(paths(await all(tree.walk("{"))).filter((path) => path !== ""), []);
    const whole = paths(await all(tree.walk()));
    // Parents before children: a walk goes down, and names are compared one directory at a time.
    const place = new Map(whole.map((path, at) => [path, at]));
    for (const path of whole.slice(1)) assert.ok(/** @type {number} */ (place.get(path.split("/").slice(0, -1).join("/"))) < /** @type {number} */ (place.get(path)), path);
    await image.close();
  });

  test("a tree of many pages is walked to its end", async () => {
    const layer = Array.from({ length: 3_000 }, (_, at) => tars.file(`d${at % 10}/f${String(at).padStart(5, "0")}`, "x"));
    const image = await openImage(single({ layers: [layer] }).source(), { ...way, ...AMD64 });
    const tree = await image.tree();
    assert.equal((await all(tree.walk())).length, 1 + 10 + 3_000);
    assert.equal((await tree.children("d3")).length, 300);
    // Two walks at once do not disturb each other.
    const [one, other] = [tree.walk(), tree.walk("d1/*")];
    await one.next();
    assert.equal((await all(other)).length, 302);
    assert.equal((await all(one)).length, 3_010);
    assert.equal((await all(tree.diff(0))).length, 3_010);
    await image.close();
  });

  test("what a layer changed is told, and what each holds", async () => {
    const layers = [
      [tars.dir("d"), tars.file("d/a", "12345"), tars.file("d/b", "123"), tars.file("e", "1")],
      [tars.file("e", "1234"), tars.whiteout("d"), tars.file("n", "12")],
    ];
    const image = await openImage(single({ layers }).source(), { ...way, ...AMD64 });
    const tree = await image.tree();
    const plain = { isDirectory: false, withParent: false, removedPaths: 0, removedBytes: 0 };
    assert.deepEqual(await all(tree.diff(1)), [
      { ...plain, path: "d", action: "removed", isDirectory: true, sizeBefore: 0, sizeAfter: 0, removedPaths: 3, removedBytes: 8 },
      { ...plain, path: "d/a", action: "removed", withParent: true, sizeBefore: 5, sizeAfter: 0, removedPaths: 1, removedBytes: 5 },
      { ...plain, path: "d/b", action: "removed", withParent: true, sizeBefore: 3, sizeAfter: 0, removedPaths: 1, removedBytes: 3 },
      { ...plain, path: "e", action: "modified", sizeBefore: 1, sizeAfter: 4 },
      { ...plain, path: "n", action: "added", sizeBefore: 0, sizeAfter: 2 },
    ]);
    await assert.rejects(all(tree.diff(2)), portolan("path-not-found", "2"));
    assert.deepEqual(await tree.layerSizes(), [
      { bytes: 9, entries: 4, whiteouts: 0, added: 4, modified: 0, removed: 0 },
      { bytes: 6, entries: 2, whiteouts: 1, added: 1, modified: 1, removed: 3 },
    ]);
    assert.deepEqual(await all(tree.directorySizes(1)), [{ path: "", bytes: 6, paths: 3 }]);
    const { paths, totalBytes, wastedBytes, efficiency } = await image.waste();
    assert.deepEqual([totalBytes, wastedBytes], [15, 9]);
    assert.ok(efficiency > 0 && efficiency < 1);
    assert.deepEqual(paths.map(({ path, bytes }) => [path, bytes]).sort(), [["d/a", 5], ["d/b", 3], ["e", 1]]);
    assert.equal((await image.waste({ most: 1 })).paths.length, 1);
    await image.close();
  });

  test("what is wasted in the demo image is what was written twice or removed", async () => {
    const image = await openImage(DEMO, { ...way, ...AMD64 });
    const tree = await image.tree();
    const sizes = await tree.layerSizes();
    const { totalBytes, wastedBytes, paths } = await image.waste({ most: 1000 });
    assert.equal(totalBytes, sizes.reduce((sum, { bytes }) => sum + bytes, 0));
    assert.equal(wastedBytes, paths.reduce((sum, { bytes }) => sum + bytes, 0));
    assert.ok(paths.some(({ path, count }) => path === "etc/motd" && count === 1));
    assert.deepEqual(sizes.map(({ whiteouts }) => whiteouts), [0, 0, 0, 2]);
    const files = [...demoTree("amd64").values()].filter(({ sameAs }) => sameAs === undefined).reduce((sum, { content }) => sum + (content?.length ?? 0), 0);
    assert.equal((await all(tree.directorySizes(0)))[0].bytes, files);
    await image.close();
  });

  test("a tree answers for the layers so far while the others are read, and every layer says what it was", async () => {
    const image = await openImage(DEMO, { ...way, ...AMD64 });
    /** @type {[number, string, number][]} */
    const applied = [];
    /** @type {Promise<number>[]} */
    const known = [];
    const tree = await image.tree({
      onLayer: ({ layer, summary, tree }) => {
        applied.push([layer, summary.compression, summary.entries]);
        known.push(tree.layerSizes().then(({ length }) => length));
      },
    });
    const sizes = await tree.layerSizes();
    assert.deepEqual(applied.map(([layer, , entries]) => [layer, entries]), sizes.map(({ entries }, layer) => [layer, entries]));
    assert.ok(applied.some(([, compression]) => compression === "zstd"));
    for (const [layer, length] of (await Promise.all(known)).entries()) assert.ok(length > layer && length <= sizes.length, `${length}`);
    await image.close();
  });

  test("reading what is no file is an error that says what it is", async () => {
    const layers = [[tars.dir("d"), tars.file("d/f", ""), tars.fifo("p"), tars.symlink("dangling", "x"), tars.symlink("l", "d"), tars.hardlink("h", "d/f")]];
    const image = await openImage(single({ layers }).source(), { ...way, ...AMD64 });
    await assert.rejects(image.readFile("nothing"), portolan("path-not-found", "nothing"));
    await assert.rejects(image.readFile("dangling"), portolan("path-not-found"));
    for (const [path, kind] of [["d", "directory"], ["l", "directory"], ["", "directory"], ["p", "fifo"]]) {
      await assert.rejects(image.readFile(path), portolan("path-not-found", path, kind));
    }
    assert.equal((await bytesFrom(image.readFile("h"))).length, 0);
    await image.close();
  });

  test("a tree that is closed by hand, and an image with no layers", async () => {
    const image = await openImage(single({}).source(), { ...way, ...AMD64 });
    const tree = await image.tree();
    assert.deepEqual((await all(tree.walk())).map(({ path }) => path), [""]);
    assert.deepEqual(await image.waste(), { totalBytes: 0, wastedBytes: 0, efficiency: 1, paths: [] });
    assert.deepEqual(await all(image.changes()), []);
    await image.close();
  });
});
