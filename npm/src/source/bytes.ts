/** Bytes that can be read at any offset. */
import { PortolanError } from "../error.js";
import type { PartedBlob, Whereabouts } from "../source.js";

export interface Bytes {
  readonly size: number;
  /** So many bytes from an offset; fewer only at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** So many bytes from an offset, as they come. A chunk is valid until the next is asked for. */
  stream(offset: number, length: number, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  whereabouts(offset: number, length: number): Whereabouts | undefined;
  close(): Promise<void>;
}

/** How many bytes are read at once. */
const CHUNK = 1 << 20;

/** The bytes of a `Blob` or `File`. */
export function blobBytes(blob: Blob): Bytes {
  const read = async (offset: number, length: number) =>
    new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
  return {
    size: blob.size,
    read,
    stream: (offset, length, signal) => ahead(read, offset, length, signal),
    whereabouts: (offset, length) => ({ kind: "blob", blob: blob.slice(offset, offset + length) }),
    close: async () => {},
  };
}

/** Bytes in memory. */
export function memoryBytes(bytes: Uint8Array): Bytes {
  const part = (offset: number, length: number) => bytes.subarray(offset, offset + length);
  return {
    size: bytes.length,
    read: async (offset, length) => part(offset, length),
    async *stream(offset, length, signal) {
      for (let start = 0; start < length; start += CHUNK) {
        signal?.throwIfAborted();
        yield part(offset + start, Math.min(CHUNK, length - start));
      }
    },
    whereabouts: () => undefined,
    close: async () => {},
  };
}

/** Reads chunk after chunk, the next one while its predecessor is worked on. */
export async function* ahead(
  read: (offset: number, length: number) => Promise<Uint8Array>,
  offset: number,
  length: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const end = offset + length;
  let next: Promise<Uint8Array> | undefined = read(offset, Math.min(CHUNK, length));
  try {
    for (let start = offset; start < end; ) {
      signal?.throwIfAborted();
      const chunk: Uint8Array = await (next as Promise<Uint8Array>);
      next = undefined;
      if (chunk.length === 0) return;
      start += chunk.length;
      if (start < end) next = read(start, Math.min(CHUNK, end - start));
      yield chunk;
    }
  } finally {
    await next?.catch(() => {});
  }
}

/** What is copied aside, up to the limit `archive-bytes`. */
export async function* limited(chunks: AsyncIterable<Uint8Array>, most: number, signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
  let size = 0;
  for await (const chunk of chunks) {
    signal?.throwIfAborted();
    size += chunk.length;
    if (size > most) {
      throw new PortolanError("limit-exceeded", `the archive exceeds the limit of ${most} bytes; raise archive-bytes to allow it`);
    }
    yield chunk;
  }
}

/** A part of some bytes as a blob. */
export function storedBlob(bytes: Bytes, offset: number, size: number): PartedBlob {
  return {
    size,
    stream: (signal) => bytes.stream(offset, size, signal),
    whereabouts: bytes.whereabouts(offset, size),
    part: (range) => storedBlob(bytes, offset + range.offset, Math.min(range.length, Math.max(0, size - range.offset))),
  };
}

/** The first bytes of a stream, which is left then. */
export async function* first(chunks: AsyncIterable<Uint8Array>, length: number): AsyncGenerator<Uint8Array, void> {
  let left = length;
  if (left > 0) {
    for await (const chunk of chunks) {
      yield chunk.subarray(0, left);
      left -= chunk.length;
      if (left <= 0) return;
    }
  }
}
