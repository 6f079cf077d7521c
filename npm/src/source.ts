/** Where images are: an `index.json` and the blobs it leads to, read the same way whatever the place. */
import type * as wit from "../generated/interfaces/portolan-image-types.js";
import { system } from "#system";
import { PortolanError, attempt } from "./error.js";
import type { Candidate, Location, Name, Selector } from "./reference.js";
import type { Registries } from "./registry.js";
import { type Bytes, blobBytes, memoryBytes } from "./source/bytes.js";
import { openArchive } from "./source/archive.js";
import { customSource } from "./source/custom.js";
import { directoryHandleLayout } from "./source/layout.js";
import { registrySource } from "./source/registry.js";
import { until } from "./signal.js";
import { instance } from "./toolkit.js";
import { type Abortable, type Descriptor, type Limits, toDescriptor } from "./types.js";

/** A part of a blob, in bytes. */
export interface Range {
  offset: number;
  /** To the end, unless given. */
  length?: number;
}

/** What may be handed over as the bytes of a blob. */
export type BytesLike =
  | Uint8Array
  | ArrayBuffer
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/** A place of your own: an object that gives an `index.json` and reads blobs. */
export interface BlobSource {
  /** The bytes of the `index.json`, by which the images of the place are found. */
  index(signal?: AbortSignal): BytesLike | Promise<BytesLike>;
  /** The bytes of a blob, or of a range of it; nothing when it is not there. They are verified by whoever asked. */
  read(
    descriptor: Descriptor,
    range?: Range,
    signal?: AbortSignal,
  ): BytesLike | undefined | Promise<BytesLike | undefined>;
}

/**
 * Where an image can come from:
 * - a path or reference to a file (Node, Deno and Bun): a layout directory, or an archive as `docker save` or an OCI tool writes it;
 * - a name at a registry, such as `ghcr.io/org/app:1.0`, where no file has that name; with `docker://` in front nobody looks;
 * - the bytes of an archive: a `File`, `Blob`, `Uint8Array`, `ArrayBuffer` or `ReadableStream`;
 * - a directory handle of the File System Access API that holds a layout;
 * - any object with `index()` and `read(descriptor, range?)`.
 */
export type ImageSource =
  | string
  | URL
  | Blob
  | Uint8Array
  | ArrayBuffer
  | ReadableStream<Uint8Array>
  | FileSystemDirectoryHandle
  | BlobSource;

/** Where the bytes of a blob are, for a worker that reads them itself. */
export type Whereabouts =
  | { kind: "file"; path: string; offset: number; length: number }
  | { kind: "blob"; blob: Blob };

/** The bytes of a blob and how many there are. */
export interface StoredBlob {
  readonly size: number;
  stream(signal?: AbortSignal): AsyncIterable<Uint8Array>;
  readonly whereabouts?: Whereabouts | undefined;
}

/** A blob of which a part can be had. */
export interface PartedBlob extends StoredBlob {
  part(range: Required<Range>): StoredBlob;
}

/** A place that holds images. Blobs are handed out as they lie there; whoever reads one verifies it. */
export interface Source {
  /** What this place is, for a person. */
  readonly kind: "image layout" | "image layout archive" | "docker archive" | "custom" | "registry";
  /** Whether the digests of layers are promises of this place, or only the DiffIDs are. */
  readonly promisesLayerDigests: boolean;
  index(signal?: AbortSignal): Promise<Uint8Array>;
  /** A blob, or a part of one; nothing when it is not there. */
  fetch(descriptor: Descriptor, signal?: AbortSignal, range?: Required<Range>): Promise<StoredBlob | undefined>;
  /** What refers to a manifest or index, where the place can be asked. */
  referrers?(digest: string, options: Abortable & { artifactType?: string }): Promise<Descriptor[]>;
  close(): Promise<void>;
}

/** A place with the image that is meant there. */
export interface Opened {
  source: Source;
  selector: Selector;
}

/** How many bytes of a file that should be a document are read at most, before the toolkit applies its own limits. */
export const DOCUMENT_BYTES = 64 << 20;

/** Opens a place. */
export async function open(source: ImageSource, registries: Registries, limits?: Limits, signal?: AbortSignal): Promise<Opened> {
  signal?.throwIfAborted();
  if (typeof source === "string" || source instanceof URL) return openReference(source, registries, limits, signal);
  if (source instanceof Blob) return whole(await openArchive(blobBytes(source), nameOf(source), limits, signal));
  if (source instanceof ArrayBuffer) return whole(await openArchive(memoryBytes(new Uint8Array(source)), "the archive", limits, signal));
  if (source instanceof Uint8Array) return whole(await openArchive(memoryBytes(source), "the archive", limits, signal));
  if (source instanceof ReadableStream) {
    return whole(await openArchive(await system.spool(streamed(source, signal), await mostBytes(limits), signal), "the archive", limits, signal));
  }
  if ("kind" in source && source.kind === "directory") return whole(await directoryHandleLayout(source, limits));
  if ("read" in source && "index" in source) return whole(customSource(source));
  throw new PortolanError("invalid-source", "expected a path, bytes, a directory handle, or an object with index() and read()");
}

function whole(source: Source): Opened {
  return { source, selector: {} };
}

function nameOf(blob: Blob): string {
  return "name" in blob && typeof blob.name === "string" && blob.name !== "" ? blob.name : "the archive";
}

/** The limit on what is copied aside. */
export function mostBytes(limits: Limits | undefined): Promise<number> {
  return limitOf("archive-bytes", limits);
}

/** The value of a limit, by its key. */
export async function limitOf(key: string, limits: Limits | undefined): Promise<number> {
  const { defaults } = (await instance()).limits;
  return limits?.[key] ?? Number(defaults().find((limit) => limit.key === key)?.value);
}

async function openReference(source: string | URL, registries: Registries, limits?: Limits, signal?: AbortSignal): Promise<Opened> {
  const { files } = system;
  let location: Location = "path";
  let candidates: Candidate[] = [];
  let name: Name | undefined;
  if (typeof source === "string") ({ location, candidates, name } = await parse(source));
  else if (files) candidates = [{ path: files.fromUrl(source), selector: {} }];
  if (files) {
    for (const { path, selector } of candidates) {
      const what = await files.kindOf(path);
      if (!what) continue;
      if (what === "directory") {
        if (location === "layout-archive" || location === "docker-archive") throw wrongKind(path, "a directory, not an archive");
        return { source: await files.layout(path, limits), selector };
      }
      if (location === "layout") throw wrongKind(path, "not a directory");
      const bytes: Bytes = await files.open(path);
      const kind = location === "layout-archive" || location === "docker-archive" ? location : undefined;
      return { source: await openArchive(bytes, path, limits, signal, kind), selector };
    }
  }
  const none = files ? `there is no file ${source} either` : "there are no files here: hand over a File, bytes or a directory handle";
  // A bare word could have been meant as a file.
  const isBare = candidates.at(-1)?.path === source;
  if (name && (files || !isBare || !/\.(tar|tgz|tar\.\w+)$/i.test(name.repository))) {
    try {
      return whole(await registrySource(registries, name, signal));
    } catch (error) {
      if (!isBare || !(error instanceof PortolanError) || error.code === "defect") throw error;
      throw new PortolanError(error.code, `${error.message}; ${none}`, { cause: error });
    }
  }
  if (!files) throw new PortolanError("unsupported", `${source}: ${none}`);
  const last = candidates.at(-1)?.path;
  throw new PortolanError("invalid-source", last === undefined ? `${source}: the reference names no place` : `${last}: no such file or directory`);
}

async function parse(text: string) {
  const { reference } = await instance();
  return attempt(() => reference.parse(text));
}

function wrongKind(path: string, what: string): PortolanError {
  return new PortolanError("invalid-source", `${path}: it is ${what}`);
}

/** The chunks of a stream, for engines whose streams are no iterables. A signal ends it even while nothing comes. */
export async function* streamed(stream: ReadableStream<Uint8Array>, signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await until(reader.read(), signal);
      if (done) {
        ended = true;
        return;
      }
      yield value;
    }
  } finally {
    // Nobody waits for a source that does not answer.
    if (!ended) reader.cancel().catch(() => {});
    reader.releaseLock();
  }
}

/** All bytes of a document, cut one byte after `most`, so that the verification of a longer one fails. */
export async function readWhole(chunks: AsyncIterable<Uint8Array>, most = DOCUMENT_BYTES): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    // A copy, which the `slice` of a `Buffer` is not: what a place lends may change.
    const part = new Uint8Array(chunk.subarray(0, most + 1 - length));
    parts.push(part);
    length += part.length;
    if (length > most) break;
  }
  if (parts.length === 1 && parts[0]) return parts[0];
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** The bytes of a document as they lie there, from its descriptor where that embeds them. */
export async function document(source: Source, descriptor: Descriptor, signal?: AbortSignal, most = DOCUMENT_BYTES): Promise<Uint8Array | undefined> {
  const blob = await source.fetch(descriptor, signal);
  if (!blob) return descriptor.data;
  return readWhole(blob.stream(signal), Math.min(descriptor.size, most));
}

/** Gives a resource one document after the other, as it asks for them. */
export async function answer(
  asking: { next(): wit.Descriptor | undefined },
  source: Source,
  supply: (bytes: Uint8Array | undefined, digest: string) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let next = asking.next(); next; next = asking.next()) {
    const { digest } = next;
    const bytes = await document(source, toDescriptor(next), signal);
    attempt(() => supply(bytes, digest));
  }
}

/** The error for a blob that the image refers to and that is not there. */
export function missing(digest: string): PortolanError {
  return new PortolanError("blob-not-found", `blob ${digest} is not there`);
}
