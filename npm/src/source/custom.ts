/** Places of the caller's own. */
import { PortolanError } from "../error.js";
import { until } from "../signal.js";
import { type BlobSource, type BytesLike, type Range, type Source, readWhole, streamed } from "../source.js";
import { blobBytes } from "./bytes.js";

/** A place that an object with `index` and `read` gives. */
export function customSource(given: BlobSource): Source {
  return {
    kind: "custom",
    promisesLayerDigests: true,
    index: async (signal) => {
      signal?.throwIfAborted();
      return readWhole(chunksOf(await until(given.index(signal), signal), signal));
    },
    fetch: async (descriptor, signal, range) => {
      signal?.throwIfAborted();
      const read = await until(given.read(descriptor, range, signal), signal);
      if (read === undefined) return undefined;
      const bytes = range ? heeding(range, read, descriptor.size) : read;
      return {
        size: range?.length ?? descriptor.size,
        stream: (signal) => chunksOf(bytes, signal),
        whereabouts: bytes instanceof Blob ? { kind: "blob", blob: bytes } : undefined,
      };
    },
    close: async () => {},
  };
}

/** The bytes of a range, also from a place that has answered with the whole blob. */
function heeding({ offset, length }: Required<Range>, bytes: BytesLike, size: number): BytesLike {
  if (bytes instanceof ArrayBuffer) return heeding({ offset, length }, new Uint8Array(bytes), size);
  if (bytes instanceof Uint8Array) return bytes.length === size ? bytes.subarray(offset, offset + length) : bytes;
  if (bytes instanceof Blob) return bytes.size === size ? bytes.slice(offset, offset + length) : bytes;
  return noMore(chunksOf(bytes), length);
}

async function* noMore(chunks: AsyncIterable<Uint8Array>, length: number): AsyncGenerator<Uint8Array, void> {
  let left = length;
  for await (const chunk of chunks) {
    left -= chunk.length;
    if (left < 0) throw new PortolanError("invalid-source", `a source answered a range of ${length} bytes with more: streams have to heed the range`);
    yield chunk;
  }
}

/** The bytes of whatever may be handed over as such. */
export async function* chunksOf(bytes: BytesLike, signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
  if (bytes instanceof Uint8Array) yield bytes;
  else if (bytes instanceof ArrayBuffer) yield new Uint8Array(bytes);
  else if (bytes instanceof Blob) {
    const blob = blobBytes(bytes);
    yield* blob.stream(0, blob.size, signal) as AsyncGenerator<Uint8Array, void>;
  } else if (bytes instanceof ReadableStream) yield* streamed(bytes, signal);
  else if (Symbol.asyncIterator in bytes) yield* iterated(bytes, signal);
  else throw new PortolanError("invalid-source", "a source answered with something that is no bytes");
}

/** The chunks of an iterable. A signal ends it even while nothing comes. */
async function* iterated(bytes: AsyncIterable<Uint8Array>, signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const iterator = bytes[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await until(iterator.next(), signal);
      ended = done === true;
      if (ended) return;
      yield value;
    }
  } finally {
    if (!ended) void Promise.resolve(iterator.return?.()).catch(() => {});
  }
}
