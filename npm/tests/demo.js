// @ts-check
/** The committed demo image, and the tree that its layers make, written down by hand (`tests/src/demo.rs` makes the image). */
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "./components.js";
import { EPOCH, dir, file, tar } from "./tar.js";

/** The directory of the layout; its image has the tag `1.0`. */
export const DEMO = join(REPOSITORY, "tests/images/demo");
export const TAG = "1.0";
export const PLATFORMS = ["linux/amd64", "linux/arm64", "wasip1/wasm"];

const INPUT = join(REPOSITORY, "tests/images/demo-input");
const ZONEINFO = "usr/share/zoneinfo";
const ALIASES = {
  Belfast: "London", Bratislava: "Prague", Busingen: "Zurich", Kiev: "Kyiv", Mariehamn: "Helsinki", Podgorica: "Belgrade",
  San_Marino: "Rome", Tiraspol: "Chisinau", Uzhgorod: "Kyiv", Vatican: "Rome", Zaporozhye: "Kyiv",
};

export const MOTD = "Every harbour keeps its own time.\n";

/**
 * @typedef {object} Expected
 * @property {string} kind
 * @property {number} mode
 * @property {number} uid
 * @property {number} gid
 * @property {number} mtime
 * @property {number} layer
 * @property {Buffer} [content]
 * @property {string} [target]
 * @property {string} [sameAs]
 * @property {number} links
 */

/** The whole tree for an architecture, by path. @param {"amd64" | "arm64"} architecture */
export function demoTree(architecture) {
  /** @type {Map<string, Expected>} */
  const tree = new Map();
  const zones = readdirSync(join(INPUT, "zoneinfo")).sort().map((name) => ({ name, content: readFileSync(join(INPUT, "zoneinfo", name)) }));
  /** @param {string} path @param {Partial<Expected>} node */
  const put = (path, node) => tree.set(path, { kind: "file", mode: 0o644, uid: 0, gid: 0, mtime: EPOCH, layer: 0, links: 1, ...node });
  /** @param {string} path @param {Partial<Expected>} [node] */
  const directory = (path, node) => put(path, { kind: "directory", mode: 0o755, ...node });
  /** @param {string} path @param {string} target @param {number} layer */
  const symlink = (path, target, layer = 0) => put(path, { kind: "symlink", mode: 0o777, target, layer });
  // No entry made the root. A directory stays of the layer that first had it, whoever has it again.
  directory("", { mtime: 0 });
  directory("etc");
  directory("home");
  directory("home/traveller", { mode: 0o750, uid: 1000, gid: 1000 });
  directory("tmp", { mode: 0o1777 });
  put("etc/passwd", { content: Buffer.from("root:x:0:0:root:/:/usr/bin/hello\ntraveller:x:1000:1000::/home/traveller:/usr/bin/hello\n") });
  put("etc/group", { content: Buffer.from("root:x:0:\ntraveller:x:1000:\npilots:x:1500:traveller\n") });
  put("etc/motd", { content: Buffer.from(MOTD), layer: 2 });
  put("etc/os-release", { content: Buffer.from('NAME="Portolan demo"\nID=portolan-demo\nVERSION_ID=1.0\n') });
  symlink("etc/localtime", "/usr/share/zoneinfo/Europe/Berlin");
  symlink("bin", "usr/bin");
  directory("usr");
  directory("usr/bin");
  directory("usr/share");
  directory(ZONEINFO);
  directory(`${ZONEINFO}/Europe`);
  directory(`${ZONEINFO}/posix`);
  directory(`${ZONEINFO}/posix/Europe`);
  for (const { name, content } of zones) {
    const plain = `${ZONEINFO}/Europe/${name}`;
    // The third layer writes some zones again; what they were keeps its other name.
    if (name < "E") {
      put(plain, { content, mode: 0o664, layer: 2 });
      put(`${ZONEINFO}/posix/Europe/${name}`, { content });
    } else {
      put(plain, { content, links: 2 });
      put(`${ZONEINFO}/posix/Europe/${name}`, { content, links: 2, sameAs: plain });
    }
  }
  for (const [name, target] of Object.entries(ALIASES)) symlink(`${ZONEINFO}/Europe/${name}`, target);
  const names = [...zones.map(({ name }) => name), ...Object.keys(ALIASES)];
  put(`${ZONEINFO}/zones.list`, { content: Buffer.from(names.map((name) => `Europe/${name}\n`).join("")), layer: 2 });
  const program = readFileSync(join(INPUT, `hello/hello.${architecture}`));
  put("usr/bin/greet", { content: program, mode: 0o755, layer: 1, links: 2 });
  put("usr/bin/hello", { content: program, mode: 0o755, layer: 1, links: 2, sameAs: "usr/bin/greet" });
  put("usr/bin/hello-as-root", { content: program, mode: 0o4755, layer: 1 });
  symlink("usr/bin/hi", "hello", 1);
  directory("var");
  directory("var/cache");
  directory("var/cache/demo", { uid: 1000, gid: 1500, mode: 0o2775 });
  put("var/cache/demo/fresh", { content: Buffer.from("1\n"), layer: 3, uid: 1000, gid: 1500 });
  return new Map([...tree].sort(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other))));
}

/** A directory as an archive, in the order of its names. @param {string} directory */
export function archiveOf(directory) {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true });
  const paths = names.map((entry) => ({ entry, path: join(entry.parentPath ?? entry.path, entry.name).slice(directory.length + 1) }));
  paths.sort((one, other) => (one.path < other.path ? -1 : 1));
  return tar(paths.map(({ entry, path }) => (entry.isDirectory() ? dir(path) : file(path, readFileSync(join(directory, path))))));
}

/** Whether a program is installed. @param {string} program */
export function installed(program) {
  try {
    execFileSync("which", [program], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Copies images. @param {...string} args */
export function skopeo(...args) {
  execFileSync("skopeo", ["copy", "--quiet", "--insecure-policy", ...args], { stdio: ["ignore", "ignore", "inherit"] });
}
