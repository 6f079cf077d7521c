/** What is known of the layers of an image while they are decoded, for every view that shows them. */
import type { Image, LayerSize, Node, Summary, Tree } from "portolan";
import { useEffect, useState } from "preact/hooks";

/** How often a person can see that something changed, in milliseconds. */
const OFTEN = 100;

export class Decoding {
  /** Of the layers that were read to their ends, bottom first. */
  readonly summaries: Summary[] = [];
  /** What these hold, and did to those below. */
  sizes: LayerSize[] = [];
  /** Bytes that each layer brings and that the whole image does not show; once all of them were read. */
  unseen: number[] | undefined;
  /** Bytes of all layers that were read so far. */
  read = 0;
  /** Why it ended too early. */
  error: unknown;
  /** The layers so far. */
  tree: Tree | undefined;
  /** Whether these are all. */
  isWhole = false;
  readonly #image: Image;
  readonly #listeners = new Set<() => void>();
  #whole: Promise<Tree> | undefined;
  #nodes: Promise<Node[]> | undefined;
  #told = 0;

  constructor(image: Image) {
    this.#image = image;
  }

  get isBegun(): boolean {
    return this.#whole !== undefined;
  }

  /** The whole tree. Whoever asks first begins it; who asks after a failure tries again. */
  whole(): Promise<Tree> {
    return (this.#whole ??= this.#begin());
  }

  /** All nodes of the whole tree, in the order of a walk. */
  nodes(): Promise<Node[]> {
    const nodes = (this.#nodes ??= this.whole().then((tree) => Array.fromAsync(tree.walk())));
    nodes.catch(() => this.#nodes === nodes && (this.#nodes = undefined));
    return nodes;
  }

  async #begin(): Promise<Tree> {
    this.summaries.length = 0;
    this.read = 0;
    this.error = undefined;
    try {
      const tree = await this.#image.tree({
        onProgress: ({ read }) => {
          this.read += read;
          if (performance.now() - this.#told > OFTEN) this.#tell();
        },
        onLayer: ({ summary, tree }) => {
          this.summaries.push(summary);
          this.tree = tree;
          void tree.layerSizes().then((sizes) => {
            if (sizes.length > this.sizes.length) this.sizes = sizes;
            this.#tell();
          }, () => undefined);
        },
      });
      this.sizes = await tree.layerSizes();
      this.tree = tree;
      this.isWhole = true;
      void this.nodes().then((nodes) => {
        this.unseen = this.sizes.map(({ bytes }) => bytes);
        for (const { kind, sameAs, size = 0, source } of nodes) {
          if (kind === "file" && sameAs === undefined && source) this.unseen[source.layer] = (this.unseen[source.layer] ?? 0) - size;
        }
        this.#tell();
      }, () => undefined);
      return tree;
    } catch (error) {
      this.error = error;
      this.#whole = undefined;
      throw error;
    } finally {
      this.#tell();
    }
  }

  #tell() {
    this.#told = performance.now();
    for (const listener of this.#listeners) listener();
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

const decodings = new WeakMap<Image, Decoding>();

/** The decoding of an image: there is one. */
export function decodingOf(image: Image): Decoding {
  let decoding = decodings.get(image);
  if (!decoding) {
    decoding = new Decoding(image);
    decodings.set(image, decoding);
  }
  return decoding;
}

/** The decoding of an image, drawn anew as it goes on; `begins` begins it. */
export function useDecoding(image: Image, begins: boolean): Decoding {
  const decoding = decodingOf(image);
  const [, draw] = useState(0);
  useEffect(() => {
    const unlisten = decoding.listen(() => draw((times) => times + 1));
    // What fails is in `error`, for whoever draws.
    if (begins && decoding.error === undefined) decoding.whole().catch(() => undefined);
    return unlisten;
  }, [decoding, begins]);
  return decoding;
}
