/** Going back into layers that were read in this thread, through their indexes (`wit/layer.wit`). */
import type * as wit from "../generated/interfaces/portolan-image-layer.js";
import { PortolanError, attempt } from "./error.js";
import { fed } from "./layer.js";
import { release } from "./release.js";
import type { Range } from "./source.js";
import { toNumber } from "./types.js";

/** How many places of a layer are remembered at most, of 33 KiB each. */
export const CHECKPOINTS = 128;

interface Kept {
  index: wit.Index;
  /** Whether the layer was verified when it was read, so that what is read again is, too. */
  isVerified: boolean;
}

/** By numbers that the thread of the image gives. */
const kept = new Map<number, Kept>();

/** Whether there is an index that serves who verifies, or does not. */
export function isKept(key: number, verify: boolean): boolean {
  const found = kept.get(key);
  return found !== undefined && (found.isVerified || !verify);
}

/** Keeps the index of a layer that was read, unless there is a better one. */
export function keep(key: number, index: wit.Index, isVerified: boolean): void {
  if (isKept(key, isVerified)) release(index);
  else {
    forget([key]);
    kept.set(key, { index, isVerified });
  }
}

/** Frees indexes. */
export function forget(keys: number[]): void {
  for (const key of keys) {
    const found = kept.get(key);
    if (found) release(found.index);
    kept.delete(key);
  }
}

/** The part of a layer that the content of an entry takes; nothing without an index. */
export function locate(key: number | undefined, ordinal: number, verify: boolean): Required<Range> | undefined {
  if (key === undefined || !isKept(key, verify)) return undefined;
  const { offset, length } = attempt(() => (kept.get(key) as Kept).index.locate(ordinal));
  return { offset: toNumber(offset), length: toNumber(length) };
}

/** Reads the content of an entry from the bytes of that part. */
export async function* again(
  bytes: AsyncIterable<Uint8Array>,
  key: number,
  ordinal: number,
  signal?: AbortSignal,
): AsyncGenerator<wit.Batch, void> {
  const found = kept.get(key);
  if (!found) throw new PortolanError("invalid-state", "the image is closed");
  const excerpt = attempt(() => found.index.open(ordinal));
  try {
    yield* fed(excerpt, bytes, signal);
    attempt(() => excerpt.finish());
  } catch (error) {
    // An instance that failed is not asked again.
    if (error instanceof PortolanError && error.code === "defect") forget([key]);
    throw error;
  } finally {
    release(excerpt);
  }
}
