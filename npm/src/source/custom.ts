/** Places of the caller's own. */
import { PortolanError } from "../error.js";
import { type BlobSource, type BytesLike, type Source, readWhole, streamed } from "../source.js";
import { blobBytes } from "./bytes.js";

/** A place that an object with `index` and `read` gives. */
export function customSource(given: BlobSource): Source {
  return {
    kind: "custom",
    promisesLayerDigests: true,
    index: async (signal) => readWhole(chunks(await given.index(signal))),
    fetch: async (descriptor, signal) => {
      const bytes = await given.read(descriptor, undefined, signal);
      if (bytes === undefined) return undefined;
      return { size: descriptor.size, stream: () => chunks(bytes), whereabouts: bytes instanceof Blob ? { kind: "blob", blob: bytes } : undefined };
    },
    close: async () => {},
  };
}

async function* chunks(bytes: BytesLike): AsyncGenerator<Uint8Array, void> {
  if (bytes instanceof Uint8Array) yield bytes;
  else if (bytes instanceof ArrayBuffer) yield new Uint8Array(bytes);
  else if (bytes instanceof Blob) {
    const blob = blobBytes(bytes);
    yield* blob.stream(0, blob.size) as AsyncGenerator<Uint8Array, void>;
  } else if (bytes instanceof ReadableStream) yield* streamed(bytes);
  else if (Symbol.asyncIterator in bytes) yield* bytes as AsyncGenerator<Uint8Array, void>;
  else throw new PortolanError("invalid-source", "a source answered with something that is no bytes");
}
