/** What runs in a worker of the pool. Every request comes with a port of its own for the answer. */
import type { Batch } from "../generated/interfaces/portolan-image-layer.js";
import { system } from "#system";
import { receive, send } from "./channel.js";
import type { Change, LayerOptions, Summary } from "./layer.js";
import { blobBytes } from "./source/bytes.js";
import type { Whereabouts } from "./source.js";
import { LocalTree } from "./tree.js";
import type { Limits } from "./types.js";
import { applyLayer, batches, changes, check, checkBlob, counted } from "./work.js";

/** Where the bytes of a blob come from. */
export type Feed = Whereabouts | { kind: "port"; port: MessagePort };

/** What a worker does, by name: what it is given, what it yields, and what it returns. */
export interface Tasks {
  changes(feed: Feed, options: LayerOptions): AsyncGenerator<Change[], Summary>;
  /** Sends the batches of a layer to the worker that makes the tree. Yields how many bytes were read. */
  batches(feed: Feed, options: LayerOptions, tree: MessagePort): AsyncGenerator<number, void>;
  /** Yields how many bytes were read. */
  check(feed: Feed, options: LayerOptions): AsyncGenerator<number, Summary>;
  checkBlob(feed: Feed, digest: string, size: number): AsyncGenerator<number, void>;
  /** Makes a tree of the batches that come from these ports, in their order; yields the summaries. */
  tree(id: number, ports: MessagePort[], limits: Limits | undefined): AsyncGenerator<Summary, void>;
  /** What a tree answers page by page. */
  pages(id: number, method: "walk" | "diff" | "directorySizes", argument: unknown): AsyncGenerator<unknown[], void>;
  /** Calls a method of a tree. */
  ask(id: number, method: string, args: unknown[]): AsyncGenerator<never, unknown>;
  /** Frees a tree. */
  drop(id: number): AsyncGenerator<never, void>;
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

async function* bytes(feed: Feed): AsyncGenerator<Uint8Array, void> {
  if (feed.kind === "port") yield* receive<Uint8Array, void>(feed.port);
  else if (feed.kind === "blob") yield* blobBytes(feed.blob).stream(0, feed.blob.size) as AsyncGenerator<Uint8Array, void>;
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
async function* progressing<R>(feed: Feed, work: (bytes: AsyncIterable<Uint8Array>) => Promise<R>): AsyncGenerator<number, R> {
  let read = 0;
  let wake = () => {};
  let ended = false;
  const result = work(
    counted(bytes(feed), (length) => {
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

const tasks: Tasks = {
  async *changes(feed, options) {
    const layer = changes(bytes(feed), options);
    for (;;) {
      const { done, value } = await layer.next();
      if (done) return value;
      // Contents share one buffer, which moves with them.
      if (value.some(({ type }) => type === "content")) yield value;
      else for (let start = 0; start < value.length; start += PAGE) yield value.slice(start, start + PAGE);
    }
  },
  async *batches(feed, options, tree) {
    // When nobody wants the progress any more, the tree must not wait for a layer that does not come.
    const stop = new AbortController();
    try {
      yield* progressing(feed, (read) => send(tree, batches(read, { ...options, content: "none" }, stop.signal)));
    } finally {
      stop.abort();
    }
  },
  check: (feed, options) => progressing(feed, (read) => check(read, options)),
  checkBlob: (feed, digest, size) => progressing(feed, (read) => checkBlob(read, digest, size)),
  async *tree(id, ports, limits) {
    const tree = await LocalTree.start(limits);
    try {
      for (const port of ports) yield await applyLayer(tree, receive<Batch, Summary>(port));
      trees.set(id, tree);
    } finally {
      if (!trees.has(id)) await tree.close();
    }
  },
  pages: (id, method, argument) => treeOf(id)[method](argument as never),
  async *ask(id, method, args) {
    const tree = treeOf(id) as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
    return tree[method]?.(...args);
  },
  async *drop(id) {
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
    const run = tasks[task] as (...args: unknown[]) => AsyncGenerator<unknown, unknown>;
    void send(answer, guarded(run, args), transfer);
  };
}

/** A task that fails at once fails as one that fails later. */
async function* guarded(run: (...args: unknown[]) => AsyncGenerator<unknown, unknown>, args: unknown[]): AsyncGenerator<unknown, unknown> {
  return yield* run(...args);
}

system.onPort?.(serve);
