/// <reference lib="esnext.disposable" preserve="true" />
/** The merged file system of an image: what its layers make together (`wit/tree.wit`). */
import type * as wit from "../generated/interfaces/portolan-image-tree.js";
import type { Batch } from "../generated/interfaces/portolan-image-layer.js";
import { type Instance, newInstance } from "./toolkit.js";
import { attempt } from "./error.js";
import { type Metadata, toMetadata } from "./layer.js";
import { pathBytes, pathOf } from "./path.js";
import { asyncDispose, release } from "./release.js";
import { type Limits, fromLimits, toNumber } from "./types.js";

/** One name in the tree. Hard links are resolved: a second name has `sameAs`, and the kind of what it names. */
export interface Node extends Metadata {
  path: string;
  /** The layer that put this name here, from 0. */
  layer: number;
  /** The layer and ordinal of the entry that has the content; absent for a directory that no entry made. */
  source?: { layer: number; ordinal: number };
  /** In a walk, for the second and later names of a file: the first one, which stands earlier there. */
  sameAs?: string;
  /** How many names the file has. */
  links: number;
}

/** One difference that a layer makes to those below. */
export interface Difference {
  path: string;
  action: "added" | "modified" | "removed";
  isDirectory: boolean;
  /** Bytes of content before and after. */
  sizeBefore: number;
  sizeAfter: number;
  /** Whether it is gone only because a directory above it is gone. */
  withParent: boolean;
  /** For something removed, the paths that went with it, itself counted, and their bytes. */
  removedPaths: number;
  removedBytes: number;
}

/** What one layer holds. */
export interface LayerSize {
  /** Bytes of content that its entries bring. */
  bytes: number;
  entries: number;
  whiteouts: number;
  /** Paths that it added, modified and removed. */
  added: number;
  modified: number;
  removed: number;
}

/** Bytes of content in a directory and below. */
export interface DirectorySize {
  path: string;
  bytes: number;
  /** Paths, the directory itself counted. */
  paths: number;
}

/** How much of the layers is not in the final tree. */
export interface Waste {
  /** Bytes of content in all layers. */
  totalBytes: number;
  /** Bytes that could be saved. */
  wastedBytes: number;
  /** Smallest possible over stored bytes, as dive computes it: 1 is best. */
  efficiency: number;
  /** The worst first: how many bytes could be saved, and how often what stood at the path was replaced or removed. */
  paths: { path: string; bytes: number; count: number }[];
}

/** The questions a tree answers, here or in a worker. */
export interface TreeAnswers {
  walk(pattern?: string): AsyncGenerator<Node[], void>;
  diff(layer: number): AsyncGenerator<Difference[], void>;
  directorySizes(depth: number): AsyncGenerator<DirectorySize[], void>;
  find(path: string): Promise<Node>;
  resolve(path: string): Promise<Node>;
  children(path: string): Promise<Node[]>;
  layerSizes(): Promise<LayerSize[]>;
  waste(most: number): Promise<Waste>;
  close(): Promise<void>;
}

/** The merged file system of an image. */
export class Tree implements AsyncDisposable {
  readonly #answers: TreeAnswers;

  /** @internal */
  constructor(answers: TreeAnswers) {
    this.#answers = answers;
  }

  /**
   * All nodes, or those that a glob pattern matches with the directories above: parents before children, children in the
   * order of their bytes. Every text is a pattern.
   */
  walk(pattern?: string): AsyncGenerator<Node, void> {
    return each(this.#answers.walk(pattern));
  }

  /** The node of a path, without following a symbolic link at its end. Fails with `path-not-found`. */
  find(path: string): Promise<Node> {
    return this.#answers.find(relative(path));
  }

  /** The node that a path leads to, every symbolic link followed inside the tree. Fails with `path-not-found`. */
  resolve(path: string): Promise<Node> {
    return this.#answers.resolve(relative(path));
  }

  /** The nodes in a directory, in the order of their bytes. Fails with `path-not-found`. */
  children(path: string): Promise<Node[]> {
    return this.#answers.children(relative(path));
  }

  /** What a layer changed, in the order of a walk. Fails with `path-not-found` when there is no such layer. */
  diff(layer: number): AsyncGenerator<Difference, void> {
    return each(this.#answers.diff(layer));
  }

  /** What each layer holds. */
  layerSizes(): Promise<LayerSize[]> {
    return this.#answers.layerSizes();
  }

  /** The sizes of all directories down to a depth, in the order of a walk. */
  directorySizes(depth: number): AsyncGenerator<DirectorySize, void> {
    return each(this.#answers.directorySizes(depth));
  }

  /** What could be saved, with at most so many paths. */
  waste(most = 100): Promise<Waste> {
    return this.#answers.waste(most);
  }

  /** Frees the tree. It is not used afterwards. */
  close(): Promise<void> {
    return this.#answers.close();
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function* each<T>(pages: AsyncGenerator<T[], void>): AsyncGenerator<T, void> {
  for await (const page of pages) yield* page;
}

/** People write `/etc/passwd`; images have `etc/passwd`. */
function relative(path: string): string {
  return path.replace(/^\/+/, "").replace(/\/+$/, "");
}

/** How many nodes cross the border at once. */
const PAGE = 512;

/** A tree in this thread. Layers are fed to it bottom first. */
export class LocalTree implements TreeAnswers {
  readonly #module: Instance["tree"];
  readonly #tree: wit.Tree;

  private constructor(module: Instance["tree"], limits: Limits | undefined) {
    this.#module = module;
    this.#tree = attempt(() => new this.#module.Tree(fromLimits(limits)));
  }

  static async start(limits?: Limits): Promise<LocalTree> {
    return new LocalTree((await newInstance()).tree, limits);
  }

  /** Takes changes of the next layer. */
  feed(batch: Batch): void {
    if (batch.changes.length > 0) attempt(() => this.#tree.feed(batch.changes));
  }

  /** Applies the layer that was fed. */
  apply(): void {
    attempt(() => this.#tree.apply());
  }

  walk(pattern?: string): AsyncGenerator<Node[], void> {
    return pages(() => this.#tree.walk(pattern), toNode);
  }

  diff(layer: number): AsyncGenerator<Difference[], void> {
    return pages(
      () => this.#tree.diff(layer),
      (difference: wit.Difference) => ({
        ...difference,
        path: pathOf(difference.path),
        sizeBefore: toNumber(difference.sizeBefore),
        sizeAfter: toNumber(difference.sizeAfter),
        removedPaths: toNumber(difference.removedPaths),
        removedBytes: toNumber(difference.removedBytes),
      }),
    );
  }

  directorySizes(depth: number): AsyncGenerator<DirectorySize[], void> {
    return pages(
      () => this.#tree.directorySizes(depth),
      ({ path, bytes, paths }: wit.DirectorySize) => ({ path: pathOf(path), bytes: toNumber(bytes), paths }),
    );
  }

  async find(path: string): Promise<Node> {
    return toNode(attempt(() => this.#tree.find(pathBytes(path))));
  }

  async resolve(path: string): Promise<Node> {
    return toNode(attempt(() => this.#tree.resolve(pathBytes(path))));
  }

  async children(path: string): Promise<Node[]> {
    return attempt(() => this.#tree.children(pathBytes(path))).map(toNode);
  }

  async layerSizes(): Promise<LayerSize[]> {
    return attempt(() => this.#tree.layerSizes()).map((size) => ({ ...size, bytes: toNumber(size.bytes) }));
  }

  async waste(most: number): Promise<Waste> {
    const { totalBytes, wastedBytes, efficiency, paths } = attempt(() => this.#tree.waste(most));
    return {
      totalBytes: toNumber(totalBytes),
      wastedBytes: toNumber(wastedBytes),
      efficiency,
      paths: paths.map(({ path, bytes, count }) => ({ path: pathOf(path), bytes: toNumber(bytes), count })),
    };
  }

  async close(): Promise<void> {
    release(this.#tree);
  }
}

/** What a resource answers page by page. */
async function* pages<T, U>(start: () => { take(most: number): T[] }, plain: (value: T) => U): AsyncGenerator<U[], void> {
  const taken = attempt(start);
  try {
    for (;;) {
      const page = attempt(() => taken.take(PAGE));
      if (page.length === 0) return;
      yield page.map(plain);
    }
  } finally {
    release(taken);
  }
}

function toNode({ path, kind, mode, uid, gid, mtime, xattrs, layer, source, sameAs, links }: wit.Node): Node {
  return {
    path: pathOf(path),
    ...toMetadata(kind, mode, uid, gid, mtime, xattrs),
    layer,
    ...(source && { source }),
    ...(sameAs && { sameAs: pathOf(sameAs) }),
    links,
  };
}
