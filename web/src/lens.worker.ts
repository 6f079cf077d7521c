/** The worker that computes with `lens/`, so that no frame waits for it. Calls come one after the other. */
import begin, { Paths, diff, elf, treemap } from "../lens/generated/lens.js";
import module from "../lens/generated/lens_bg.wasm?url";
import type { Answer, Asked } from "./lens.ts";

/** Workers have it, and the declarations are those of pages. */
declare class FileReaderSync {
  readAsArrayBuffer(part: Blob): ArrayBuffer;
}

/** So much of a file is read at once. */
const BLOCK = 1 << 16;

const ready = begin({ module_or_path: new URL(module, location.href) });
let paths: Paths | undefined;

const calls = {
  elf: (file: Blob) => elf(file.size, reader(file)),
  paths(text: string) {
    paths?.free();
    paths = new Paths(text);
  },
  search: (query: string, most: number) => paths?.search(query, most),
  treemap,
  diff,
};

export type Calls = typeof calls;

/** Reads parts of a file; small ones come from a block that is kept. */
function reader(file: Blob): (offset: number, length: number) => Uint8Array {
  const files = new FileReaderSync();
  const read = (offset: number, length: number) => new Uint8Array(files.readAsArrayBuffer(file.slice(offset, offset + length)));
  let start = 0;
  let block = new Uint8Array();
  return (offset, length) => {
    if (length > BLOCK) return read(offset, length);
    if (offset < start || offset + length > start + block.length) {
      start = offset;
      block = read(offset, BLOCK);
    }
    return block.subarray(offset - start, offset - start + length);
  };
}

addEventListener("message", async ({ data: { id, call, args } }: MessageEvent<Asked>) => {
  let answer: Answer;
  try {
    await ready;
    answer = { id, value: (calls[call] as (...args: unknown[]) => unknown)(...args) };
  } catch (error) {
    answer = { id, error: String(error) };
  }
  postMessage(answer);
});
