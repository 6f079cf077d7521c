/// <reference lib="esnext.disposable" preserve="true" />
/** Heavy work off the main thread: workers that read layers side by side. */
import { system } from "#system";
import { receive, send } from "./channel.js";
import { PortolanError } from "./error.js";
import { drained } from "./generator.js";
import type { Summary } from "./layer.js";
import { asyncDispose } from "./release.js";
import { following } from "./signal.js";
import type { StoredBlob } from "./source.js";
import type { Begun } from "./system.js";
import type { Difference, DirectorySize, Node, TreeAnswers } from "./tree.js";
import type { Applied, LayerJob, Work } from "./work.js";
import type { Feed, Request, Tasks } from "./worker.js";

/** Workers that share the work on images; see {@link createWorkerPool}. */
export interface WorkerPool extends AsyncDisposable {
  /** How many workers there are. */
  readonly size: number;
  /** Ends the workers. Work under way fails. */
  close(): Promise<void>;
}

/** One worker and what it does. */
class Member {
  readonly #begun: Begun;
  readonly #losses = new Set<(error: unknown) => void>();
  #lost: { error: unknown } | undefined;
  busy = 0;

  /** Why it can do nothing any more, once it cannot. */
  get lost(): { error: unknown } | undefined {
    return this.#lost;
  }

  constructor(begin: () => Begun) {
    this.#begun = begin();
    this.#begun.hold(false);
    this.#begun.onFailure((error) => this.lose(error));
  }

  lose(error: unknown): void {
    this.#lost ??= { error };
    for (const fail of this.#losses) fail(error);
    this.#losses.clear();
  }

  hold(by: 1 | -1): void {
    this.busy += by;
    this.#begun.hold(this.busy > 0);
  }

  async *ask<K extends keyof Tasks>(
    task: K,
    args: unknown[],
    transfer: Transferable[] = [],
    signal?: AbortSignal,
  ): AsyncGenerator<Yielded<Tasks[K]>, Returned<Tasks[K]>> {
    if (this.#lost) throw this.#lost.error;
    const { port1, port2 } = new MessageChannel();
    this.hold(1);
    try {
      const request: Request = { task, args, port: port2 };
      try {
        this.#begun.port.postMessage(request, [port2, ...transfer]);
      } catch (error) {
        // The ports of a worker that is ending are closed before it says so.
        throw this.lost?.error ?? new PortolanError("invalid-state", "the worker has ended", { cause: error });
      }
      return yield* receive<Yielded<Tasks[K]>, Returned<Tasks[K]>>(port1, {
        signal,
        onLoss: (fail) => {
          this.#losses.add(fail);
          return () => this.#losses.delete(fail);
        },
      });
    } finally {
      this.hold(-1);
    }
  }

  end(): void {
    this.lose(new PortolanError("invalid-state", "the worker pool is closed"));
    this.#begun.terminate();
  }
}

type Yielded<F> = F extends (...args: never[]) => AsyncGenerator<infer T, unknown> ? T : never;
type Returned<F> = F extends (...args: never[]) => AsyncGenerator<unknown, infer R> ? R : never;

/** The bytes of a blob for a worker: where they are, or a port through which they are pumped until the signal ends that. */
function feedOf(blob: StoredBlob, signal: AbortSignal): { feed: Feed; transfer: Transferable[] } {
  if (blob.whereabouts) return { feed: blob.whereabouts, transfer: [] };
  const { port1, port2 } = new MessageChannel();
  void send(port1, (stop) => copies(blob.stream(stop)), { transfer: (chunk) => [chunk.buffer as ArrayBuffer], signal });
  return { feed: { kind: "port", port: port2 }, transfer: [port2] };
}

async function* copies(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) yield new Uint8Array(chunk);
}

/** A tree that lives in a worker. */
class RemoteTree implements TreeAnswers {
  readonly #member: Member;
  readonly #id: number;

  constructor(member: Member, id: number) {
    this.#member = member;
    this.#id = id;
  }

  #ask<M extends keyof TreeAnswers>(method: M, ...args: unknown[]): ReturnType<TreeAnswers[M]> {
    return drained(this.#member.ask("ask", [this.#id, method, args])) as ReturnType<TreeAnswers[M]>;
  }

  #pages<T>(method: "walk" | "diff" | "directorySizes", argument: unknown): AsyncGenerator<T[], void> {
    return this.#member.ask("pages", [this.#id, method, argument]) as AsyncGenerator<T[], void>;
  }

  walk(pattern?: string): AsyncGenerator<Node[], void> {
    return this.#pages("walk", pattern);
  }
  diff(layer: number): AsyncGenerator<Difference[], void> {
    return this.#pages("diff", layer);
  }
  directorySizes(depth: number): AsyncGenerator<DirectorySize[], void> {
    return this.#pages("directorySizes", depth);
  }
  find(path: string) {
    return this.#ask("find", path);
  }
  resolve(path: string) {
    return this.#ask("resolve", path);
  }
  children(path: string) {
    return this.#ask("children", path);
  }
  layerSizes() {
    return this.#ask("layerSizes");
  }
  waste(most: number) {
    return this.#ask("waste", most);
  }
  async close() {
    // It went with its worker.
    if (!this.#member.lost) await drained(this.#member.ask("drop", [this.#id]));
  }
}

/** The pool as whoever does the work. */
export class Pool implements WorkerPool, Work {
  readonly #members: Member[] = [];
  /** Which worker has the index of a layer, and whether it was verified. */
  readonly #indexes = new Map<number, { member: Member; isVerified: boolean }>();
  #trees = 0;

  constructor(size: number, begin: () => Begun) {
    for (let count = 0; count < size; count += 1) this.#members.push(new Member(begin));
  }

  get size(): number {
    return this.#members.length;
  }

  get parallelism(): number {
    // A closed pool is asked, too: that is how whoever asks is told.
    return Math.max(1, this.size);
  }

  /** The worker with the least to do. */
  #idlest(): Member {
    const [first] = this.#members;
    if (!first) throw new PortolanError("invalid-state", "the worker pool is closed");
    const [alive, ...others] = this.#members.filter(({ lost }) => !lost);
    if (!alive) throw first.lost?.error;
    return others.reduce((idlest, other) => (other.busy < idlest.busy ? other : idlest), alive);
  }

  /** Has a worker do a task with the bytes of a blob. */
  async *#read<K extends "changes" | "again" | "batches" | "check" | "checkBlob">(
    task: K,
    blob: StoredBlob,
    args: unknown[],
    signal?: AbortSignal,
    moved: Transferable[] = [],
    member = this.#idlest(),
  ): AsyncGenerator<Yielded<Tasks[K]>, Returned<Tasks[K]>> {
    const { stop, unfollow } = following(signal);
    const { feed, transfer } = feedOf(blob, stop.signal);
    try {
      return yield* member.ask(task, [feed, ...args], [...transfer, ...moved], signal);
    } finally {
      unfollow();
      stop.abort();
    }
  }

  async *changes({ blob, options }: LayerJob, signal?: AbortSignal) {
    const from = await blob(signal);
    const member = this.#idlest();
    const summary = yield* this.#read("changes", from, [options], signal, [], member);
    this.#keep(options, member);
    return summary;
  }

  async again({ blob, options: { index, verify = true } }: LayerJob, ordinal: number, signal?: AbortSignal) {
    const { member } = (index !== undefined && this.#indexes.get(index)) || {};
    if (!member || member.lost) return undefined;
    const range = await drained(member.ask("locate", [index, ordinal, verify], [], signal));
    return range && this.#read("again", await blob(signal, range), [index, ordinal], signal, [], member);
  }

  /** Notes who has the index of a layer that was read. */
  #keep({ index, verify = true }: LayerJob["options"], member: Member): void {
    if (index === undefined) return;
    const before = this.#indexes.get(index);
    if (before?.member === member) before.isVerified ||= verify;
    else if (before && !before.member.lost && (before.isVerified || !verify)) this.#free(member, [index]);
    else {
      if (before) this.#free(before.member, [index]);
      this.#indexes.set(index, { member, isVerified: verify });
    }
  }

  forget(indexes: number[]): void {
    for (const index of indexes) {
      const found = this.#indexes.get(index);
      if (found) this.#free(found.member, [index]);
      this.#indexes.delete(index);
    }
  }

  #free(member: Member, indexes: number[]): void {
    // They went with their worker, where it has ended.
    if (!member.lost) void drained(member.ask("forget", [indexes])).catch(() => {});
  }

  async check({ blob, options }: LayerJob, progress?: (read: number) => void, signal?: AbortSignal): Promise<Summary> {
    return drained(this.#read("check", await blob(signal), [options], signal), progress);
  }

  checkBlob(blob: StoredBlob, digest: string, size: number, progress?: (read: number) => void, signal?: AbortSignal): Promise<void> {
    return drained(this.#read("checkBlob", blob, [digest, size], signal), progress);
  }

  async tree(
    jobs: LayerJob[],
    limits?: LayerJob["options"]["limits"],
    progress?: (layer: number, read: number) => void,
    signal?: AbortSignal,
    applied?: Applied,
  ): Promise<TreeAnswers> {
    const id = (this.#trees += 1);
    const { stop, unfollow } = following(signal);
    const channels = jobs.map(() => new MessageChannel());
    const ports = channels.map(({ port2 }) => port2);
    const home = this.#idlest();
    let begun = 0;
    // Layers begin in their order, so that the one that the tree waits for is always under way.
    const feeder = async () => {
      for (let layer = begun++; layer < jobs.length; layer = begun++) {
        const { blob, options } = jobs[layer] as LayerJob;
        const { port1 } = channels[layer] as MessageChannel;
        const from = await blob(stop.signal);
        const member = this.#idlest();
        const read = this.#read("batches", from, [options, port1], stop.signal, [port1], member);
        await drained(read, (length) => progress?.(layer, length));
        this.#keep(options, member);
      }
    };
    try {
      const tree = new RemoteTree(home, id);
      let layer = 0;
      const made = drained(home.ask("tree", [id, ports, limits], ports, stop.signal), (summary) => applied?.(layer++, summary, tree));
      await Promise.all([made, ...Array.from({ length: this.size }, feeder)]);
      return tree;
    } catch (error) {
      stop.abort(error);
      // It may have been made all the same.
      if (!home.lost) void drained(home.ask("drop", [id])).catch(() => {});
      throw error;
    } finally {
      unfollow();
    }
  }

  async close(): Promise<void> {
    for (const member of this.#members.splice(0)) member.end();
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Begins workers: `worker_threads` in Node, web workers elsewhere. Images that are opened with the pool are read there,
 * layers side by side, and the thread that asked stays free.
 *
 * ```js
 * const pool = createWorkerPool();
 * const image = await openImage("busybox.tar", { pool });
 * ```
 *
 * Fails with `unsupported` where there are no workers.
 */
export function createWorkerPool({ size = system.parallelism() }: { size?: number } = {}): WorkerPool {
  const { beginWorker } = system;
  if (!beginWorker) throw new PortolanError("unsupported", "there are no workers here");
  if (!Number.isInteger(size) || size < 1) throw new RangeError(`expected a number of workers, not ${size}`);
  return new Pool(size, beginWorker);
}
