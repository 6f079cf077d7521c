/** Layers: blob bytes in, an ordered and validated list of changes out (`wit/layer.wit`; layer.md). */
import type * as wit from "../generated/interfaces/portolan-image-layer.js";
import { system } from "#system";
import type { Instance } from "./toolkit.js";
import { CHECKPOINTS, isKept, keep } from "./again.js";
import { attempt } from "./error.js";
import { pathOf } from "./path.js";
import { release } from "./release.js";
import { type Limits, fromLimits, present, toBigInt, toNumber } from "./types.js";

/** A point in time since the Unix epoch. */
export interface Timestamp {
  /** Whole seconds, rounded towards the past. */
  seconds: number;
  /** Below 1,000,000,000. */
  nanoseconds: number;
}

/** The numbers of a device node. */
export interface Device {
  major: number;
  minor: number;
}

/** An extended attribute. */
export interface Xattr {
  /** The full name with its namespace. */
  name: string;
  value: Uint8Array;
}

/** What an entry is. */
export type Kind = "file" | "directory" | "symlink" | "hard-link" | "char-device" | "block-device" | "fifo";

/** What is known about an entry or a node beside its path. */
export interface Metadata {
  kind: Kind;
  /** For a file: its length in bytes. */
  size?: number;
  /** For a symbolic link: its target as written. For a hard link: the path of an entry that stands earlier. */
  target?: string;
  /** For a device. */
  device?: Device;
  /** The twelve permission bits. */
  mode: number;
  uid: number;
  gid: number;
  mtime: Timestamp;
  xattrs: Xattr[];
}

/** An entry of a layer. Paths are relative to the root, which is the empty path; see `pathBytes` for those that are not UTF-8. */
export interface Entry extends Metadata {
  type: "entry";
  /** The number among the entries of its layer, from 0. Whiteouts are not counted. */
  ordinal: number;
  path: string;
}

/** Bytes of the entry before. */
export interface Content {
  type: "content";
  /** Where in the file they belong. Bytes that no content gives are holes and read as zero. */
  offset: number;
  bytes: Uint8Array;
}

/** A path of lower layers is removed, with everything below. */
export interface Remove {
  type: "remove";
  path: string;
}

/** The children that lower layers put into a directory are removed. */
export interface Clear {
  type: "clear";
  path: string;
}

/** One step of a layer. */
export type Change = Entry | Content | Remove | Clear;

/** What is known about a layer after it was read to its end and matched. */
export interface Summary {
  /** Absent when the layer was read without verifying it. */
  digest?: string;
  /** The length of the blob in bytes. */
  size: number;
  /** Absent when the layer was read without verifying it. */
  diffId?: string;
  /** The length of the tar archive in bytes. */
  uncompressedSize: number;
  compression: "none" | "gzip" | "zstd";
  /** The number of entries, whiteouts not counted. */
  entries: number;
  /** What is odd about the layer and no error, one line each. */
  warnings: string[];
}

/** What is known about a layer before it is read. */
export interface LayerOptions {
  mediaType?: string;
  digest?: string;
  size?: number;
  diffId?: string;
  /** Which contents of regular files are wanted: all, none (the default), or those of the entries with these ordinals. */
  content?: "all" | "none" | number[];
  /** Whether warnings are errors. */
  strict?: boolean;
  /** Whether digests are computed and compared; true unless given. */
  verify?: boolean;
  limits?: Limits;
  /** The number under which an index of the layer is kept in the thread that reads it. */
  index?: number;
}

/** How many compressed bytes are handed over at once. Memory grows with it, and so does the time that one call takes. */
const FEED = 512 << 10;

/** Reads a layer: batches of changes as the component gives them, and the summary when everything matched. */
export async function* decode(
  instance: Instance,
  blob: AsyncIterable<Uint8Array>,
  options: LayerOptions,
  signal?: AbortSignal,
): AsyncGenerator<wit.Batch, Summary> {
  const { mediaType, digest, size, diffId, content = "none", strict = false, verify = true, limits, index: key } = options;
  const indexed = key !== undefined && !isKept(key, verify);
  const unpacker = attempt(() =>
    instance.layer.Unpacker.start(
      present<wit.UnpackOptions>({
        mediaType,
        digest: verify ? digest : undefined,
        size: size === undefined ? undefined : toBigInt(size),
        diffId: verify ? diffId : undefined,
        content: typeof content === "string" ? { tag: content } : { tag: "only", val: Uint32Array.from(content) },
        checkpoints: indexed ? CHECKPOINTS : 0,
        strict,
        limits: fromLimits(limits),
      }),
    ),
  );
  try {
    yield* fed(unpacker, blob, signal);
    const { digest: actual, diffId: actualDiffId, ...rest } = attempt(() => unpacker.finish());
    const index = indexed ? unpacker.takeIndex() : undefined;
    if (index) keep(key as number, index, verify);
    const summary = { ...rest, size: toNumber(rest.size), uncompressedSize: toNumber(rest.uncompressedSize) };
    return verify ? { digest: actual, ...summary, diffId: actualDiffId } : summary;
  } finally {
    release(unpacker);
  }
}

/** Feeds bytes to whatever takes them, and answers the batches that it gives. */
export async function* fed(
  reader: Pick<wit.Unpacker, "feed" | "takeChanges">,
  bytes: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<wit.Batch, void> {
  let failed = false;
  for await (const chunk of bytes) {
    for (let start = 0; start < chunk.length; start += FEED) {
      signal?.throwIfAborted();
      attempt(() => reader.feed(chunk.subarray(start, start + FEED)));
      while (!failed) {
        let batch: wit.Batch | undefined;
        try {
          batch = attempt(() => reader.takeChanges());
        } catch (error) {
          // A blob that is not the one that was promised explains everything else: `finish` tells, at its end.
          if (isDefect(error)) throw error;
          failed = true;
        }
        if (!batch) break;
        yield batch;
        await system.breathe?.();
      }
    }
  }
  signal?.throwIfAborted();
}

function isDefect(error: unknown): boolean {
  return (error as { code?: string }).code === "defect" || (error as { code?: string }).code === undefined;
}

/** The changes of a batch as plain objects. Contents are views of the batch's bytes. */
export function* changesOf({ changes, bytes }: wit.Batch): Generator<Change> {
  for (const { tag, val } of changes) {
    if (tag === "entry") yield toEntry(val);
    else if (tag === "content") {
      yield { type: tag, offset: toNumber(val.offset), bytes: bytes.subarray(val.start, val.start + val.length) };
    } else yield { type: tag, path: pathOf(val) };
  }
}

function toEntry({ ordinal, path, kind, mode, uid, gid, mtime, xattrs }: wit.Entry): Entry {
  return { type: "entry", ordinal, path: pathOf(path), ...toMetadata(kind, mode, uid, gid, mtime, xattrs) };
}

export function toMetadata(
  kind: wit.Kind,
  mode: number,
  uid: number,
  gid: number,
  mtime: wit.Timestamp,
  xattrs: wit.Xattr[],
): Metadata {
  const metadata: Metadata = {
    kind: kind.tag,
    mode,
    uid,
    gid,
    mtime: { seconds: Number(mtime.seconds), nanoseconds: mtime.nanoseconds },
    xattrs: xattrs.map(({ name, value }) => ({ name: pathOf(name), value })),
  };
  switch (kind.tag) {
    case "file":
      metadata.size = toNumber(kind.val);
      break;
    case "symlink":
    case "hard-link":
      metadata.target = pathOf(kind.val);
      break;
    case "char-device":
    case "block-device":
      metadata.device = kind.val;
      break;
  }
  return metadata;
}
