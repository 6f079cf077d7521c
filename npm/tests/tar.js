// @ts-check
/** Tar archives with every byte under the test's control: ordinary ones in few words, hostile ones just as well. */

/** The unit of a tar archive, in bytes. */
export const BLOCK = 512;
/** The mtime of entries that name none: 2024-01-01T00:00:00Z. */
export const EPOCH = 1_704_067_200;

/**
 * @typedef {string | Uint8Array} Text
 * @typedef {object} Entry
 * @property {Text} name
 * @property {string} [type] The type flag; `0`, a regular file, unless given.
 * @property {Text} [content]
 * @property {Text} [link]
 * @property {number} [mode]
 * @property {number} [uid]
 * @property {number} [gid]
 * @property {number} [mtime]
 * @property {[number, number]} [device]
 * @property {[Text, Text][]} [pax]
 * @property {Text} [paxRaw] A body instead of one made of records.
 * @property {"ustar" | "gnu"} [magic]
 * @property {number} [size] What the header says, whatever the content.
 * @property {(block: Buffer) => void} [header] Changes the finished header; the checksum is made after it.
 */

/** @param {Text} text */
const bytesOf = (text) => (typeof text === "string" ? Buffer.from(text) : Buffer.from(text.buffer, text.byteOffset, text.length));

/** @param {Text} name @param {Text} content @param {Partial<Entry>} more @returns {Entry} */
export const file = (name, content = "", more = {}) => ({ name, content, ...more });
/** @param {Text} name @param {Partial<Entry>} more @returns {Entry} */
export const dir = (name, more = {}) => ({ name, type: "5", mode: 0o755, ...more });
/** @param {Text} name @param {Text} link @param {Partial<Entry>} more @returns {Entry} */
export const symlink = (name, link, more = {}) => ({ name, link, type: "2", mode: 0o777, ...more });
/** @param {Text} name @param {Text} link @returns {Entry} */
export const hardlink = (name, link) => ({ name, link, type: "1" });
/** @param {Text} name @returns {Entry} */
export const fifo = (name) => ({ name, type: "6" });
/** @param {Text} name @param {number} major @param {number} minor @returns {Entry} */
export const charDevice = (name, major, minor) => ({ name, type: "3", device: [major, minor] });
/** The whiteout of a path: `a/f` becomes the empty file `a/.wh.f`. @param {string} path @returns {Entry} */
export const whiteout = (path) => file(path.replace(/[^/]+$/, ".wh.$&"));
/** The opaque whiteout of a directory. @param {string} path @returns {Entry} */
export const opaque = (path) => file(path === "" ? ".wh..wh..opq" : `${path}/.wh..wh..opq`);

/**
 * A sparse file as GNU tar writes it (version 1.0): the map in decimal lines before the data.
 * @param {string} name @param {number} size @param {[number, string][]} segments @returns {Entry}
 */
export function sparse(name, size, segments) {
  const map = segments.map(([offset, text]) => `${offset}\n${text.length}\n`);
  map.push(`${size}\n0\n`);
  const lines = Buffer.from(`${map.length}\n${map.join("")}`);
  const content = Buffer.concat([lines, padding(lines.length), ...segments.map(([, text]) => Buffer.from(text))]);
  const pax = Object.entries({ major: "1", minor: "0", name, realsize: String(size) });
  return { name: `GNUSparseFile.0/${name}`, content, pax: pax.map(([key, value]) => [`GNU.sparse.${key}`, value]) };
}

/** A PAX record: `LENGTH KEY=VALUE\n`, the length in decimal and counting itself. @param {Text} key @param {Text} value */
export function record(key, value) {
  const rest = Buffer.concat([Buffer.from(" "), bytesOf(key), Buffer.from("="), bytesOf(value), Buffer.from("\n")]);
  let length = rest.length + 1;
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** @param {number} length */
const padding = (length) => Buffer.alloc((BLOCK - (length % BLOCK)) % BLOCK);

/** @param {Entry} entry @returns {Buffer[]} */
function parts(entry) {
  const { type = "0", mode = 0o644, uid = 0, gid = 0, mtime = EPOCH, magic = "ustar" } = entry;
  const [name, link, content] = [bytesOf(entry.name), bytesOf(entry.link ?? ""), bytesOf(entry.content ?? "")];
  const records = [...(entry.pax ?? [])];
  /** @param {string} key @param {Text} value */
  const add = (key, value) => {
    if (!records.some(([other]) => other === key)) records.push([key, value]);
  };
  if (name.length > 100) add("path", name);
  if (link.length > 100) add("linkpath", link);
  const block = Buffer.alloc(BLOCK);
  name.copy(block, 0, 0, 100);
  link.copy(block, 157, 0, 100);
  block.write(type, 156, "latin1");
  block.write(magic === "gnu" ? "ustar  \0" : "ustar\x0000", 257, "latin1");
  /** @param {number} offset @param {number} length @param {number} value @param {string} key */
  const number = (offset, length, value, key) => {
    const fits = value >= 0 && value.toString(8).length < length;
    block.write((fits ? value.toString(8) : "").padStart(length - 1, "0"), offset, "latin1");
    if (!fits) add(key, String(value));
  };
  number(100, 8, mode, "mode");
  number(108, 8, uid, "uid");
  number(116, 8, gid, "gid");
  number(124, 12, entry.size ?? content.length, "size");
  number(136, 12, mtime, "mtime");
  if (entry.device) {
    number(329, 8, entry.device[0], "SCHILY.devmajor");
    number(337, 8, entry.device[1], "SCHILY.devminor");
  }
  entry.header?.(block);
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  const body = entry.paxRaw ?? (records.length > 0 ? Buffer.concat(records.map(([key, value]) => record(key, value))) : undefined);
  const before = body === undefined ? [] : parts({ name: "PaxHeaders/entry", type: "x", mtime: 0, content: body });
  return [...before, block, content, padding(content.length)];
}

/** An archive of entries, with two blocks of zeros at its end. @param {Iterable<Entry>} entries */
export function tar(entries) {
  return Buffer.concat([...[...entries].flatMap(parts), Buffer.alloc(2 * BLOCK)]);
}
