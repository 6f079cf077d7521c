/** Files of an image, as they are found and read for a look. */
import { type Image, type Metadata, PortolanError } from "portolan";
import { decodingOf } from "./decoding.ts";

/** A file with where its content is. */
export interface Found extends Metadata {
  path: string;
  layer: number;
  ordinal?: number;
}

/** The file that a path leads to; or the entry of a layer, as it is there. */
export async function find(image: Image, path: string, layer: number | undefined, signal: AbortSignal): Promise<Found> {
  if (layer === undefined) {
    const node = await (await decodingOf(image).whole()).resolve(path);
    return { ...node, layer: node.source?.layer ?? node.layer, ...(node.source && { ordinal: node.source.ordinal }) };
  }
  const last = (await entries(image, layer, signal)).get(path);
  if (!last) throw new PortolanError("path-not-found", `layer ${layer} brings no ${path}`);
  return last.kind === "hard-link" && last.target !== undefined ? find(image, last.target, layer, signal) : last;
}

/** The entries of the layer of an image that was last asked for. */
const listed = new WeakMap<Image, { layer: number; entries: Map<string, Found> }>();

/** The entries of a layer as they are there, by their paths: of those with one path the last. */
async function entries(image: Image, layer: number, signal: AbortSignal): Promise<Map<string, Found>> {
  const before = listed.get(image);
  if (before?.layer === layer) return before.entries;
  const entries = new Map<string, Found>();
  for await (const change of image.changes({ layer, verify: false, signal })) {
    if (change.type === "entry") entries.set(change.path, change);
  }
  listed.set(image, { layer, entries });
  return entries;
}

/** The content from its beginning. */
export async function read(image: Image, { layer, ordinal, size: whole = 0 }: Found, most: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(Math.min(whole, most));
  if (ordinal === undefined || bytes.length === 0) return bytes;
  let length = 0;
  for await (const chunk of chunks(image.readEntry({ layer, ordinal }, { verify: false, ...(signal && { signal }) }))) {
    bytes.set(chunk.subarray(0, bytes.length - length), length);
    length += chunk.length;
    if (length >= bytes.length) break;
  }
  return bytes;
}

/** All of the content for whoever takes it away, verified. */
export const verified = (image: Image, file: Found): Promise<Blob> => contentOf(image, file, {});

/** All of the content. It may be large, and browsers keep it where there is room. */
export async function contentOf(image: Image, { layer, ordinal = 0 }: Found, options: { verify?: boolean; signal?: AbortSignal }): Promise<Blob> {
  const parts: Blob[] = [];
  for await (const chunk of chunks(image.readEntry({ layer, ordinal }, options))) parts.push(new Blob([chunk.slice()]));
  return new Blob(parts);
}

/** The chunks of a stream, for browsers whose streams are no iterables. Leaving it ends the stream. */
async function* chunks(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Whether bytes begin so. */
export const begins = (bytes: Uint8Array, ...with_: number[]) => with_.every((byte, at) => bytes[at] === byte);

/** Whether bytes are a module or component of WebAssembly. */
export const isWasm = (bytes: Uint8Array) => begins(bytes, 0, 0x61, 0x73, 0x6d);

/** Whether bytes are a program or library of ELF. */
export const isElf = (bytes: Uint8Array) => begins(bytes, 0x7f, 0x45, 0x4c, 0x46);

/** Whether bytes are a text, as far as their beginning tells. */
export function isText(bytes: Uint8Array): boolean {
  if (bytes.subarray(0, 8192).includes(0)) return false;
  const text = new TextDecoder().decode(bytes.subarray(0, 8192));
  return (text.match(/\ufffd/g)?.length ?? 0) <= text.length / 100 + 1;
}

/** The kinds of pictures that browsers draw, by how they begin. */
export function pictureType(head: Uint8Array): string | undefined {
  const text = String.fromCharCode(...head.subarray(0, 12));
  if (text.startsWith("\x89PNG")) return "image/png";
  if (text.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (text.startsWith("GIF8")) return "image/gif";
  return text.startsWith("RIFF") && text.endsWith("WEBP") ? "image/webp" : undefined;
}

/** The kind of an archive or of a compressed file, by how it begins. */
export function archiveType(head: Uint8Array): "zip" | "gzip" | "zstd" | "tar" | undefined {
  if (begins(head, 0x50, 0x4b, 3, 4) || begins(head, 0x50, 0x4b, 5, 6)) return "zip";
  if (begins(head, 0x1f, 0x8b)) return "gzip";
  if (begins(head, 0x28, 0xb5, 0x2f, 0xfd)) return "zstd";
  return new TextDecoder().decode(head.subarray(257, 262)) === "ustar" ? "tar" : undefined;
}
