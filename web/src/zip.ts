/** What is in a zip archive, by the central directory at its end. Nothing is unpacked. */
import { PortolanError } from "portolan";

export interface Member {
  path: string;
  size: number;
  isDirectory: boolean;
}

/** How many members are listed at most. */
export const MOST = 100_000;

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
/** The record at the end with the longest comment. */
const END_BYTES = 22 + 0xffff;

const wrong = (what: string) => new PortolanError("invalid-archive", `the zip archive is damaged: ${what}`);

export function zipMembers(bytes: Uint8Array): Member[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let end = bytes.length - 22;
  while (end >= 0 && end >= bytes.length - END_BYTES && view.getUint32(end, true) !== END) end -= 1;
  if (end < 0 || view.getUint32(end, true) !== END) throw wrong("it has no directory at its end");
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (count === 0xffff || at === 0xffffffff) throw new PortolanError("unsupported", "zip archives of more than 4 GB or 65,534 members are not listed");
  const members: Member[] = [];
  for (let number = 0; number < count && number < MOST; number += 1) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== CENTRAL) throw wrong(`member ${number} of ${count} is not where its directory ends`);
    const [name, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true)) as [number, number, number];
    const path = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + name));
    members.push({ path, size: view.getUint32(at + 24, true), isDirectory: path.endsWith("/") });
    at += 46 + name + extra + comment;
  }
  return members;
}
