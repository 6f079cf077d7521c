/** What an image says, as text that shows what is there: nothing in it moves the cursor, turns the line round, or hides. */
import { type Listed, type Platform, pathBytes } from "portolan";

// Controls; marks and overrides of direction; what has no width; halves of characters, which stand for bytes that are no UTF-8.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const escaped = (character: string): string => {
  const code = character.charCodeAt(0);
  if (code >= 0xd800 && code <= 0xdfff) return Array.from(pathBytes(character), (byte) => `\\x${byte.toString(16)}`).join("");
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
};

/** One line for a person. */
export function shown(text: string): string {
  return text.replace(HIDDEN, escaped);
}

/** Many lines for a person: line ends and tabs stay. */
export function shownLines(text: string): string {
  return text.replace(HIDDEN, (character) => (character === "\n" || character === "\t" ? character : character === "\r" ? "" : escaped(character)));
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** A number of bytes, such as `1.2 MB`. */
export function size(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Such as `12,345`. */
export const count = (number: number) => number.toLocaleString("en");

/** Such as `1 entry`, `2 entries`. */
export const counted = (number: number, one: string, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** Such as `linux/arm64/v8`. */
export function platformName(platform: Platform | undefined): string {
  if (!platform) return "any platform";
  const name = [platform.os, platform.architecture, platform.variant].filter(Boolean).join("/");
  return shown(platform.osVersion ? `${name} (${platform.osVersion})` : name);
}

/** An image of a place, by its platform and, where there are several, its name. */
export function listedName({ name, platform }: Listed, isNamed: boolean): string {
  return isNamed && name !== undefined ? `${shown(name)}, ${platformName(platform)}` : platformName(platform);
}

/** The beginning of a digest, as much as people compare. */
export const shortDigest = (digest: string) => shown(digest.replace(/^([^:]*:[^]{12})[^]*$/, "$1"));

/** The permission bits as `ls -l` has them. */
export function mode(bits: number): string {
  const three = (at: number, special: boolean, letter: string) => {
    const execute = (bits >> at) & 1;
    const last = special ? (execute ? letter : letter.toUpperCase()) : execute ? "x" : "-";
    return `${(bits >> (at + 2)) & 1 ? "r" : "-"}${(bits >> (at + 1)) & 1 ? "w" : "-"}${last}`;
  };
  return three(6, (bits & 0o4000) !== 0, "s") + three(3, (bits & 0o2000) !== 0, "s") + three(0, (bits & 0o1000) !== 0, "t");
}

/** A point in time, as the image says it, to the second. */
export function time(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().replace("T", " ").replace(/\.\d+Z$/, "");
}
