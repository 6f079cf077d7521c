/** Verifying everything that a place or an image refers to. */
import type * as wit from "../generated/interfaces/portolan-image-manifest.js";
import { type ErrorCode, PortolanError, attempt } from "./error.js";
import { type Finding, type Verified, toVerified } from "./manifest.js";
import { release } from "./release.js";
import { following } from "./signal.js";
import { type Source, document, missing } from "./source.js";
import { instance } from "./toolkit.js";
import { type Descriptor, type Limits, fromDescriptor, fromLimits, toDescriptor } from "./types.js";
import { type Work, layerJob } from "./work.js";

interface Verification {
  source: Source;
  work: Work;
  limits: Limits | undefined;
  strict: boolean;
  /** Only what this index or manifest leads to; everything without. */
  root: Descriptor | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: { digest: string; read: number; size: number }) => void) | undefined;
}

type Outcome = { tag: "ok"; val: string[] } | { tag: "err"; val: { code: never; message: string } };

/** Takes work until there is none, does documents at once, and as much of the rest side by side as is worth while. */
export async function* verification(job: Verification): AsyncGenerator<Finding, Verified> {
  const { source, work, limits, root, signal } = job;
  const { manifest } = await instance();
  const index = root ? undefined : await source.index(signal);
  const under = attempt(() =>
    root
      ? manifest.Verification.of(fromDescriptor(root), fromLimits(limits))
      : manifest.Verification.start(index as Uint8Array, fromLimits(limits)),
  );
  const { stop, unfollow } = following(signal);
  const waiting: wit.Task[] = [];
  const running = new Map<bigint, Promise<{ id: bigint; outcome: Outcome }>>();
  let told = 0;
  const news = (): Finding[] => {
    const { findings } = toVerified(under.finish());
    const fresh = findings.slice(told);
    told = findings.length;
    return fresh;
  };
  try {
    for (;;) {
      signal?.throwIfAborted();
      const task = under.takeWork();
      if (task?.work.tag === "document") {
        const descriptor = toDescriptor(task.work.val);
        const found = await settled(async () => (await document(source, descriptor, signal)) ?? missing(descriptor.digest));
        if (found instanceof Uint8Array) attempt(() => under.supply(task.id, found));
        else attempt(() => under.report(task.id, wrong(found)));
        yield* news();
        continue;
      }
      if (task) {
        waiting.push(task);
        continue;
      }
      // The largest first: the last to end should be a small one.
      waiting.sort((one, other) => sizeOf(other) - sizeOf(one));
      while (running.size < work.parallelism && waiting.length > 0) {
        const next = waiting.shift() as wit.Task;
        running.set(next.id, check(job, next, stop.signal).then((outcome) => ({ id: next.id, outcome })));
      }
      if (running.size === 0) return toVerified(under.finish());
      const { id, outcome } = await Promise.race(running.values());
      running.delete(id);
      attempt(() => under.report(id, outcome));
      yield* news();
    }
  } finally {
    stop.abort();
    unfollow();
    await Promise.allSettled(running.values());
    release(under);
  }
}

function descriptorOf(work: wit.Work): wit.Descriptor {
  return work.tag === "layer" ? work.val.descriptor : work.val;
}

function sizeOf(task: wit.Task): number {
  return Number(descriptorOf(task.work).size);
}

/** Reads one layer or blob to its end. What is wrong with it is the outcome, what is wrong with the run an error. */
async function check(job: Verification, { work }: wit.Task, signal: AbortSignal): Promise<Outcome> {
  const descriptor = toDescriptor(descriptorOf(work));
  const progress = (read: number) => job.onProgress?.({ digest: descriptor.digest, read, size: descriptor.size });
  const warnings = await settled(async () => {
    if (work.tag === "layer") {
      const layer = layerJob(job, descriptor, work.val.diffId, "none");
      return (await job.work.check(layer, progress, signal)).warnings;
    }
    const blob = await job.source.fetch(descriptor, signal);
    if (!blob) return missing(descriptor.digest);
    await job.work.checkBlob(blob, descriptor.digest, descriptor.size, progress, signal);
    return [];
  });
  return warnings instanceof PortolanError ? wrong(warnings) : { tag: "ok", val: warnings };
}

function wrong({ code, message }: PortolanError): Outcome {
  return { tag: "err", val: { code: code as never, message } };
}

/** What says nothing of an image. */
const OF_THE_RUN = new Set<ErrorCode>(["defect", "unsupported", "invalid-state"]);

/**
 * Divides what is wrong with an image from what is wrong with the run. A blob that cannot be read is a finding too: the
 * others are still worth verifying.
 */
async function settled<T>(work: () => Promise<T | PortolanError>): Promise<T | PortolanError> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof PortolanError) || OF_THE_RUN.has(error.code)) throw error;
    return error.code === "invalid-source" ? new PortolanError("blob-not-found", error.message) : error;
  }
}
