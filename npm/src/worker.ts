/** What runs in a worker of the pool. Every request comes with a port of its own for the answer. */
import type { Batch } from "../generated/interfaces/portolan-image-layer.js";
import { system } from "#system";
import { forget, locate } from "./again.js";
import { receive, send } from "./channel.js";
import { mapped } from "./generator.js";
import type { Change, LayerOptions, Summary } from "./layer.js";
import { blobBytes } from "./source/bytes.js";
import type { Range, Whereabouts } from "./source.js";
import { LocalTree } from "./tree.js";
import type { Limits } from "./types.js";
import { applyLayer, batches, changes, changesAgain, check, checkBlob, counted } from "./work.js";

/** Where the bytes of a blob come from. */
export type Feed = Whereabouts | { kind: "port"; port: MessagePort };

/** What a worker does, by name: what it is given, what it yields, and what it returns. The signal is the asker's. */
export interface Tasks {
  changes(signal: AbortSignal, feed: Feed, options: LayerOptions): AsyncGenerator<Change[], Summary>;
  /** Which part of a layer an entry takes, where there is an index of it. */
  locate(signal: AbortSignal, index: number, ordinal: number, verify: boolean): AsyncGenerator<never, Required<Range> | undefined>;
  /** Reads that part. */
  again(signal: AbortSignal, feed: Feed, index: number, ordinal: number): AsyncGenerator<Change[], void>;
  /** Frees indexes. */
  forget(signal: AbortSignal, indexes: number[]): AsyncGenerator<never, void>;
  /** Sends the batches of a layer to the worker that makes the tree. Yields how many bytes were read. */
  batches(signal: AbortSignal, feed: Feed, options: LayerOptions, tree: MessagePort): AsyncGenerator<number, void>;
  /** Yields how many bytes were read. */
  check(signal: AbortSignal, feed: Feed, options: LayerOptions): AsyncGenerator<number, Summary>;
  checkBlob(signal: AbortSignal, feed: Feed, digest: string, size: number): AsyncGenerator<number, void>;
  /** Makes a tree of the batches that come from these ports, in their order; yields the summaries. */
  tree(signal: AbortSignal, id: number, ports: MessagePort[], limits: Limits | undefined): AsyncGenerator<Summary, void>;
  /** What a tree answers page by page. */
  pages(signal: AbortSignal, id: number, method: "walk" | "diff" | "directorySizes", argument: unknown): AsyncGenerator<unknown[], void>;
  /** Calls a method of a tree. */
  ask(signal: AbortSignal, id: number, method: string, args: unknown[]): AsyncGenerator<never, unknown>;
  /** Frees a tree. */
  drop(signal: AbortSignal, id: number): AsyncGenerator<never, void>;
}

/** A request to do a task. */
export interface Request {
  task: keyof Tasks;
  args: unknown[];
  port: MessagePort;
}

const trees = new Map<number, LocalTree>();

function treeOf(id: number): LocalTree {
  const tree = trees.get(id);
  if (!tree) throw new Error("the tree is closed");
  return tree;
}

async function* bytes(feed: Feed, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  if (feed.kind === "port") yield* receive<Uint8Array, void>(feed.port, { signal });
  else if (feed.kind === "blob") yield* blobBytes(feed.blob).stream(0, feed.blob.size, signal) as AsyncGenerator<Uint8Array, void>;
  else {
    const part = await system.files?.openPart(feed.path, feed.offset, feed.length);
    if (!part) throw new Error("there are no files here");
    try {
      yield* part.stream as AsyncGenerator<Uint8Array, void>;
    } finally {
      await part.close();
    }
  }
}

/** What was read since the last time, for every step of work that counts it. */
async function* progressing<R>(signal: AbortSignal, feed: Feed, work: (bytes: AsyncIterable<Uint8Array>) => Promise<R>): AsyncGenerator<number, R> {
  let read = 0;
  let wake = () => {};
  let ended = false;
  const result = work(
    counted(bytes(feed, signal), (length) => {
      read += length;
      wake();
    }),
  ).finally(() => {
    ended = true;
    wake();
  });
  // The error is thrown where the result is awaited.
  result.catch(() => {});
  for (;;) {
    if (read > 0) {
      const since = read;
      read = 0;
      yield since;
    } else if (ended) return result;
    else await new Promise<void>((resolve) => (wake = resolve));
  }
}

/** How many changes cross to another thread at once: taking them in must not hold the page for a frame. */
const PAGE = 256;

/** A batch in pages. Contents share one buffer, which moves with them, so that they stay together. */
function* pages(batch: Change[]): Generator<Change[]> {
  if (batch.some(({ type }) => type === "content")) yield batch;
  else for (let start = 0; start < batch.length; start += PAGE) yield batch.slice(start, start + PAGE);
}

const tasks: Tasks = {
  changes: (signal, feed, options) => mapped(changes(bytes(feed, signal), options, signal), pages),
  async *locate(_, index, ordinal, verify) {
    return locate(index, ordinal, verify);
  },
  again: (signal, feed, index, ordinal) => mapped(changesAgain(bytes(feed, signal), index, ordinal, signal), pages),
  async *forget(_, indexes) {
    forget(indexes);
  },
  batches: (signal, feed, options, tree) =>
    progressing(signal, feed, (read) => send(tree, (stop) => batches(read, { ...options, content: "none" }, stop), { signal })),
  check: (signal, feed, options) => progressing(signal, feed, (read) => check(read, options, signal)),
  checkBlob: (signal, feed, digest, size) => progressing(signal, feed, (read) => checkBlob(read, digest, size, signal)),
  async *tree(signal, id, ports, limits) {
    const tree = await LocalTree.start(limits);
    let made = false;
    trees.set(id, tree);
    try {
      for (const port of ports) yield await applyLayer(tree, receive<Batch, Summary>(port, { signal }));
      signal.throwIfAborted();
      made = true;
    } finally {
      if (!made && trees.delete(id)) await tree.close();
    }
  },
  pages: (_, id, method, argument) => treeOf(id)[method](argument as never),
  async *ask(_, id, method, args) {
    const tree = treeOf(id) as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
    return tree[method]?.(...args);
  },
  async *drop(_, id) {
    await trees.get(id)?.close();
    trees.delete(id);
  },
};

function transfer(value: unknown): Transferable[] {
  if (!Array.isArray(value)) return [];
  const content = (value as Change[]).find((change) => change?.type === "content");
  return content?.type === "content" ? [content.bytes.buffer as ArrayBuffer] : [];
}

/** Answers the requests that come through a port. */
export function serve(port: MessagePort): void {
  port.onmessage = ({ data: { task, args, port: answer } }: MessageEvent<Request>) => {
    const run = tasks[task] as (signal: AbortSignal, ...args: unknown[]) => AsyncGenerator<unknown, unknown>;
    void send(answer, (signal) => run(signal, ...args), { transfer });
  };
}

system.onPort?.(serve);
