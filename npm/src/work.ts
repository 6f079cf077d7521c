/** The heavy work, here or in a worker: whatever reads the bytes of layers. */
import type { Batch } from "../generated/interfaces/portolan-image-layer.js";
import { again, forget, locate } from "./again.js";
import { type Change, type LayerOptions, type Summary, changesOf, decode } from "./layer.js";
import { type Range, type Source, type StoredBlob, missing } from "./source.js";
import { attempt } from "./error.js";
import { drained, mapped } from "./generator.js";
import { instance, withInstance } from "./toolkit.js";
import { LocalTree, type TreeAnswers } from "./tree.js";
import { type Descriptor, type Limits, present, toBigInt } from "./types.js";
import { release } from "./release.js";

/** A layer to read: how to get its bytes, all or a part, and what is known about it. */
export interface LayerJob {
  blob: (signal?: AbortSignal, range?: Required<Range>) => Promise<StoredBlob>;
  options: LayerOptions;
}

/** How a layer is read. */
export function layerJob(
  { source, limits, strict }: { source: Source; limits: Limits | undefined; strict: boolean },
  descriptor: Descriptor,
  diffId: string | undefined,
  content: LayerOptions["content"],
): LayerJob {
  return {
    blob: async (signal, range): Promise<StoredBlob> => {
      const blob = await source.fetch(descriptor, signal, range);
      if (!blob) throw missing(descriptor.digest);
      return blob;
    },
    options: present<LayerOptions>({
      mediaType: descriptor.mediaType,
      digest: source.promisesLayerDigests ? descriptor.digest : undefined,
      size: descriptor.size,
      diffId,
      content,
      strict,
      limits,
    }),
  };
}

/** Told about the bytes of a blob that were read. */
export type Progress = (read: number) => void;

/** Told that a layer is in a tree, which answers for the layers so far. */
export type Applied = (layer: number, summary: Summary, tree: TreeAnswers) => void;

/** Whoever does the work. */
export interface Work {
  /** How many jobs are worth doing at once. */
  readonly parallelism: number;
  /** Reads a layer: its changes, some at a time. */
  changes(job: LayerJob, signal?: AbortSignal): AsyncGenerator<Change[], Summary>;
  /** Reads a layer that was read before, as far as the content of an entry takes; nothing where there is no index of it. */
  again(job: LayerJob, ordinal: number, signal?: AbortSignal): Promise<AsyncGenerator<Change[], void> | undefined>;
  /** Frees indexes, by their numbers. */
  forget(indexes: number[]): void;
  /** Reads a layer for its digests. */
  check(job: LayerJob, progress?: Progress, signal?: AbortSignal): Promise<Summary>;
  /** Reads a blob for its digest. */
  checkBlob(blob: StoredBlob, digest: string, size: number, progress?: Progress, signal?: AbortSignal): Promise<void>;
  /** Reads layers, bottom first, and answers the tree they make. `progress` is told the layer, too. */
  tree(jobs: LayerJob[], limits?: Limits, progress?: (layer: number, read: number) => void, signal?: AbortSignal, applied?: Applied): Promise<TreeAnswers>;
}

/** Counts what goes by. */
export async function* counted(bytes: AsyncIterable<Uint8Array>, progress?: Progress): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of bytes) {
    const { length } = chunk;
    yield chunk;
    progress?.(length);
  }
}

/** The batches of a layer, read with an instance of its own. */
export function batches(bytes: AsyncIterable<Uint8Array>, options: LayerOptions, signal?: AbortSignal): AsyncGenerator<Batch, Summary> {
  return withInstance(options.verify ?? true, (instance) => decode(instance, bytes, options, signal));
}

/** The changes of a layer, a batch at a time. */
export function changes(bytes: AsyncIterable<Uint8Array>, options: LayerOptions, signal?: AbortSignal): AsyncGenerator<Change[], Summary> {
  return mapped(batches(bytes, options, signal), (batch) => [[...changesOf(batch)]]);
}

/** The changes of a part of a layer, a batch at a time. */
export function changesAgain(bytes: AsyncIterable<Uint8Array>, index: number, ordinal: number, signal?: AbortSignal): AsyncGenerator<Change[], void> {
  return mapped(again(bytes, index, ordinal, signal), (batch) => [[...changesOf(batch)]]);
}

/** Reads a layer to its end. */
export function check(bytes: AsyncIterable<Uint8Array>, options: LayerOptions, signal?: AbortSignal): Promise<Summary> {
  return drained(batches(bytes, { ...options, content: "none" }, signal));
}

/** Reads a blob to its end. */
export async function checkBlob(bytes: AsyncIterable<Uint8Array>, digest: string, size: number, signal?: AbortSignal): Promise<void> {
  const interfaces = await instance();
  const verifier = attempt(() => interfaces.digest.Verifier.start(digest, toBigInt(size)));
  try {
    for await (const chunk of bytes) {
      signal?.throwIfAborted();
      attempt(() => verifier.feed(chunk));
    }
    attempt(() => verifier.finish());
  } finally {
    release(verifier);
  }
}

/** Applies a layer that was read, wherever, to a tree. */
export async function applyLayer(tree: LocalTree, layer: AsyncGenerator<Batch, Summary>): Promise<Summary> {
  const summary = await drained(layer, (batch) => tree.feed(batch));
  tree.apply();
  return summary;
}

/** Work in this thread, one job after another. */
export const here: Work = {
  parallelism: 1,
  async *changes({ blob, options }, signal) {
    return yield* changes((await blob(signal)).stream(signal), options, signal);
  },
  again: async ({ blob, options }, ordinal, signal) => {
    const range = locate(options.index, ordinal, options.verify ?? true);
    return range && changesAgain((await blob(signal, range)).stream(signal), options.index as number, ordinal, signal);
  },
  forget,
  check: async ({ blob, options }, progress, signal) => check(counted((await blob(signal)).stream(signal), progress), options, signal),
  checkBlob: (blob, digest, size, progress, signal) => checkBlob(counted(blob.stream(signal), progress), digest, size, signal),
  tree: async (jobs, limits, progress, signal, applied) => {
    const tree = await LocalTree.start(limits);
    try {
      for (const [layer, { blob, options }] of jobs.entries()) {
        const bytes = counted((await blob(signal)).stream(signal), (read) => progress?.(layer, read));
        const summary = await applyLayer(tree, batches(bytes, options, signal));
        applied?.(layer, summary, tree);
      }
      return tree;
    } catch (error) {
      await tree.close();
      throw error;
    }
  },
};
