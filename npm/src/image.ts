/// <reference lib="esnext.disposable" preserve="true" />
/** Images: finding one at a place, and reading what is in it. */
import type * as wit from "../generated/interfaces/portolan-image-types.js";
import { ReadAhead } from "./ahead.js";
import { over, partsOf } from "./digest.js";
import { PortolanError, attempt } from "./error.js";
import type { Change, LayerOptions, Summary } from "./layer.js";
import {
  type Config,
  type Finding,
  type Listed,
  type Manifest,
  type PlacedAnnotation,
  type Resolved,
  type Verified,
  toListed,
  toResolved,
} from "./manifest.js";
import { host } from "./platform.js";
import { Pool, type WorkerPool } from "./pool.js";
import type { Selector } from "./reference.js";
import { Referrers } from "./referrers.js";
import { type RegistryUse, registriesOf } from "./registry.js";
import { asyncDispose, release } from "./release.js";
import { following, until } from "./signal.js";
import { DOCUMENT_BYTES, type ImageSource, type Source, answer, document, missing, open } from "./source.js";
import { instance } from "./toolkit.js";
import { Tree, type TreeAnswers, type Waste } from "./tree.js";
import {
  type Abortable,
  type Descriptor,
  type Limits,
  type Platform,
  fromLimits,
  fromPlatform,
  present,
} from "./types.js";
import { verification } from "./verify.js";
import { type Workload, workloadOf } from "./workload.js";
import { type LayerJob, type Work, here, layerJob } from "./work.js";

/** Which image of a place is meant. */
export interface Wanted {
  /** Such as `linux/arm64`; several in the order of preference. This machine's, unless given. */
  platform?: string | Platform | (string | Platform)[];
  /** A tag, or any other value of `org.opencontainers.image.ref.name`. */
  tag?: string;
  /** A digest of a manifest or index. */
  digest?: string;
}

export interface OpenOptions extends Wanted, RegistryUse {
  /** Workers for whatever reads layers; this thread does it otherwise. */
  pool?: WorkerPool;
  /** Limits that differ from their defaults. */
  limits?: Limits;
  /** Whether warnings about layers are errors. */
  strict?: boolean;
}

/** A layer of an image. */
export interface Layer extends Descriptor {
  /** The digest of the uncompressed layer, from the config; absent for artifacts. */
  diffId?: string;
}

export interface ChangesOptions extends Abortable {
  /** The layer, from 0; all of them in their order, unless given. */
  layer?: number;
  /** Which contents of files are wanted: none (the default), all, or those of the entries with these ordinals. */
  content?: "all" | "none" | number[];
  /**
   * Whether digests are computed and compared, which they are unless this is false. Without, reading is faster, above all in
   * browsers, and nothing says that the layer is the one that was meant: for a first look, with `verify()` to follow.
   */
  verify?: boolean;
}

export interface TreeOptions extends Abortable {
  /** Told how many bytes of a layer were read since the last time. */
  onProgress?: (progress: { layer: number; read: number }) => void;
  /** Told that a layer is in the tree. Until the whole tree is there, this one answers for the layers so far. */
  onLayer?: (applied: { layer: number; summary: Summary; tree: Tree }) => void;
}

export interface BlobOptions extends Abortable {
  /** How many bytes a blob may have; 64 MiB unless given. */
  most?: number;
}

export interface ReadOptions extends Abortable {
  /** Whether what is read is verified, which it is unless this is false. */
  verify?: boolean;
}

export interface VerifyOptions extends Abortable {
  /** Everything that the place refers to, and not only this image. */
  everything?: boolean;
  /** Told how many bytes of a blob were read since the last time, and of how many. */
  onProgress?: (progress: { digest: string; read: number; size: number }) => void;
}

/** A place that is shared by the images of it. */
class Place {
  readonly #referrers: Referrers;
  #users = 1;

  constructor(
    readonly source: Source,
    readonly selector: Selector,
    readonly work: Work,
    readonly limits: Limits | undefined,
    readonly strict: boolean,
  ) {
    this.#referrers = new Referrers(source, limits);
  }

  /** What refers to a manifest or index: as the place answers, else as its manifests say. */
  referrers(digest: string, options: Abortable & { artifactType?: string }): Promise<Descriptor[]> {
    return this.source.referrers ? this.source.referrers(digest, options) : this.#referrers.find(digest, options);
  }

  share(): this {
    this.#users += 1;
    return this;
  }

  async release(): Promise<void> {
    this.#users -= 1;
    if (this.#users > 0) return;
    await this.#referrers.close();
    await this.source.close();
  }
}

/**
 * Opens a place and finds the one image in it that is meant.
 *
 * ```js
 * const image = await openImage("busybox.tar");
 * console.log(image.config.env, image.layers.length);
 * ```
 *
 * A name such as `ghcr.io/org/app:1.0` is asked for at its registry: only documents are fetched, and layers when they are read.
 *
 * Fails with `invalid-source` when nothing is there, with `reference-not-found` or `platform-not-found` when no image is
 * meant or several are, or with what is wrong with a document on the way.
 */
export async function openImage(from: ImageSource, options: OpenOptions = {}): Promise<Image> {
  const { pool, limits, strict = false, signal, registries, registry, ...wanted } = options;
  if (pool && !(pool instanceof Pool)) throw new TypeError("expected a pool of createWorkerPool()");
  const { source, selector } = await open(from, registriesOf({ registries, registry, limits }), limits, signal);
  const place = new Place(source, selector, pool ?? here, limits, strict);
  try {
    return new Image(place, await resolve(place, wanted, signal));
  } catch (error) {
    await source.close();
    throw error;
  }
}

export interface ListOptions extends Pick<OpenOptions, "tag" | "digest" | "limits" | "signal" | "registries" | "registry"> {
  /** Whatever the place has, each with its `name`, where otherwise one has to be meant. */
  everything?: boolean;
}

/** Lists the images of a place without choosing one. */
export async function listImages(from: ImageSource, options: ListOptions = {}): Promise<Listed[]> {
  const { everything, limits, signal } = options;
  const { source, selector } = await open(from, registriesOf(options), limits, signal);
  try {
    const wanted = everything ? undefined : present<Selector>({ ...selector, ...selectorOf(options) });
    return await list(source, wanted, limits, signal);
  } finally {
    await source.close();
  }
}

function selectorOf({ tag, digest }: Wanted): Selector {
  return present({ tag, digest });
}

async function resolve({ source, selector, limits }: Place, wanted: Wanted, signal?: AbortSignal): Promise<Resolved> {
  const { manifest, platform } = await instance();
  const { tag, digest } = { ...selector, ...selectorOf(wanted) };
  const platforms = wanted.platform === undefined ? [] : [wanted.platform].flat();
  const here = fromPlatform(host());
  const parsed = platforms.map((it) => (typeof it === "string" ? attempt(() => platform.parse(it, here)) : fromPlatform(it)));
  const index = await source.index(signal);
  const resolver = attempt(() =>
    manifest.Resolver.start(
      index,
      present({ tag, digest, platforms: parsed.length > 0 ? { tag: "these", val: parsed } : { tag: "host", val: here } }) as never,
      fromLimits(limits),
    ),
  );
  const supply = (bytes: Uint8Array | undefined, digest: string) => {
    if (!bytes) throw missing(digest);
    resolver.supply(bytes);
  };
  return answered(resolver, source, supply, () => toResolved(resolver.finish()), signal);
}

/** What is below the one that is wanted; everything unless one is. */
async function list(source: Source, wanted: Selector | undefined, limits?: Limits, signal?: AbortSignal): Promise<Listed[]> {
  const { manifest } = await instance();
  const index = await source.index(signal);
  const given = fromLimits(limits);
  const lister = attempt(() =>
    wanted ? manifest.Lister.start(index, wanted.tag, wanted.digest, given) : manifest.Lister.everything(index, given),
  );
  return answered(lister, source, (bytes) => lister.supply(bytes), () => lister.finish().map(toListed), signal);
}

/** Gives a resource one document after the other, as it asks for them, and then takes its answer. */
async function answered<T>(
  asking: { next(): wit.Descriptor | undefined },
  source: Source,
  supply: (bytes: Uint8Array | undefined, digest: string) => void,
  finish: () => T,
  signal: AbortSignal | undefined,
): Promise<T> {
  try {
    await answer(asking, source, supply, signal);
    return attempt(finish);
  } finally {
    release(asking);
  }
}

/** How many indexes of layers there were, in all images. */
let indexes = 0;

/** Frees the indexes of images that nobody closed. */
const unclosed = typeof FinalizationRegistry === "function" ? new FinalizationRegistry<() => void>((free) => free()) : undefined;

/** An image: its documents, and the ways to read what they refer to. */
export class Image implements AsyncDisposable {
  /** What kind of place it came from. */
  readonly kind: Source["kind"];
  /** The descriptor of its manifest. */
  readonly descriptor: Descriptor;
  /** The indexes on the way to it, outermost first. */
  readonly indexes: Descriptor[];
  readonly manifest: Manifest;
  /** The bytes of the manifest, as received. */
  readonly rawManifest: Uint8Array;
  /** Absent when it is no image config. */
  readonly config?: Config;
  /** The bytes of the config, as received. */
  readonly rawConfig?: Uint8Array;
  /** What it runs on, as far as anything says so. */
  readonly platform?: Platform;
  /** Annotations and labels with the places where they stand. */
  readonly annotations: PlacedAnnotation[];
  readonly layers: Layer[];
  readonly #place: Place;
  /** The numbers under which the indexes of the layers are kept. */
  readonly #indexes: number[];
  #tree: { made: Promise<Tree>; signal: AbortSignal | undefined } | undefined;
  #closed: Promise<void> | undefined;

  /** @internal */
  constructor(place: Place, resolved: Resolved) {
    this.#place = place;
    this.kind = place.source.kind;
    this.descriptor = resolved.descriptor;
    this.indexes = resolved.indexes;
    this.manifest = resolved.manifest;
    this.rawManifest = resolved.rawManifest;
    if (resolved.config) this.config = resolved.config;
    if (resolved.rawConfig) this.rawConfig = resolved.rawConfig;
    if (resolved.platform) this.platform = resolved.platform;
    this.annotations = resolved.annotations;
    const diffIds = resolved.config?.diffIds ?? [];
    this.layers = resolved.manifest.layers.map((layer, index) => present<Layer>({ ...layer, diffId: diffIds[index] }));
    const numbers = this.layers.map(() => (indexes += 1));
    this.#indexes = numbers;
    unclosed?.register(this, () => place.work.forget(numbers));
  }

  /** The bytes of the index that its place begins with: the `index.json` of a layout; elsewhere one that says the same as what is there. */
  async index({ signal }: Abortable = {}): Promise<Uint8Array> {
    signal?.throwIfAborted();
    return this.#place.source.index(signal);
  }

  /** All images that the reference stands for: one for each platform, and their attestations. */
  async platforms({ signal }: Abortable = {}): Promise<Listed[]> {
    signal?.throwIfAborted();
    const { source, selector, limits } = this.#place;
    return list(source, selector, limits, signal);
  }

  /** Another image of the same place. Each is closed on its own. */
  async select(wanted: Wanted, { signal }: Abortable = {}): Promise<Image> {
    signal?.throwIfAborted();
    const resolved = await resolve(this.#place, wanted, signal);
    return new Image(this.#place.share(), resolved);
  }

  /** The changes that layers make, as they are read. They are true when the iteration ends without an error. */
  async *changes({ layer, content = "none", verify = true, signal }: ChangesOptions = {}): AsyncGenerator<Change & { layer: number }, Summary[]> {
    const { work } = this.#place;
    const { stop, unfollow } = following(signal);
    const wanted = layer === undefined ? [...this.layers.keys()] : [layer];
    const jobs = wanted.map((index) => this.#job(index, content, verify));
    const summaries: Summary[] = [];
    // Contents are too large to be read before they are wanted.
    const ahead = content === "none" ? work.parallelism : 1;
    const reading: ReadAhead<Change, Summary>[] = [];
    try {
      for (const [position, index] of wanted.entries()) {
        for (const job of jobs.slice(reading.length, position + ahead)) reading.push(new ReadAhead(work.changes(job, stop.signal), content === "none"));
        const layerRead = (reading[position] as ReadAhead<Change, Summary>).take();
        for (;;) {
          const { done, value } = await layerRead.next();
          if (done) {
            summaries.push(value);
            break;
          }
          for (const change of value) yield Object.assign(change, { layer: index });
        }
      }
      return summaries;
    } finally {
      unfollow();
      // Nobody waits for what a slow place has not sent yet.
      stop.abort();
      await Promise.all(reading.map((it) => it.stop()));
    }
  }

  /** The merged file system. It is made once, whoever asks, and whoever asks first is told how it goes; closing the image frees it. */
  async tree(options: TreeOptions = {}): Promise<Tree> {
    const { signal } = options;
    for (;;) {
      signal?.throwIfAborted();
      const making = (this.#tree ??= this.#beginTree(options));
      try {
        return await until(making.made, signal);
      } catch (error) {
        // Whoever began it gave up, and not we.
        if (making.signal?.aborted && !signal?.aborted) continue;
        throw error;
      }
    }
  }

  #beginTree({ signal, onProgress, onLayer }: TreeOptions) {
    const { work, limits } = this.#place;
    const jobs = this.layers.map((_, index) => this.#job(index, "none"));
    const progress = onProgress && ((layer: number, read: number) => onProgress({ layer, read }));
    const applied = onLayer && ((layer: number, summary: Summary, answers: TreeAnswers) => onLayer({ layer, summary, tree: new Tree(answers) }));
    const tree = work.tree(jobs, limits, progress, signal, applied);
    const making = { made: tree.then((answers) => new Tree(answers)), signal };
    making.made.catch(() => {
      // Another try may go better.
      if (this.#tree === making) this.#tree = undefined;
    });
    return making;
  }

  /**
   * The content of a file, every symbolic link followed inside the image. The stream ends without an error only when the
   * layer it comes from was verified to its end; or, unless `verify`, when the file is there, and what is left of the layer is
   * not read. Cancelling the stream ends a download, too. Fails with `path-not-found`.
   *
   * A layer that this image has read to its end before, such as for the tree, is not read from its beginning: an index leads close to the file.
   * What is read again has to be what was verified then.
   */
  async readFile(path: string, { verify = true, signal }: ReadOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const tree = await this.tree({ signal });
    const node = await until(tree.resolve(path), signal);
    if (node.kind !== "file" || !node.source) throw new PortolanError("path-not-found", `${path} is no file but a ${node.kind}`);
    return this.readEntry(node.source, { verify, signal });
  }

  /** The content of an entry of a layer, as `readFile` gives it. The stream fails with `path-not-found` when that is no file. */
  readEntry({ layer, ordinal }: { layer: number; ordinal: number }, { verify = true, signal }: ReadOptions = {}): ReadableStream<Uint8Array> {
    return toStream(this.#content(layer, ordinal, verify, signal));
  }

  async *#content(layer: number, ordinal: number, verify: boolean, signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
    let size: number | undefined;
    let offset = 0;
    for await (const change of this.#around(layer, ordinal, verify, signal)) {
      if (change.type === "entry" && change.ordinal === ordinal) {
        if (change.kind !== "file") throw new PortolanError("path-not-found", `${change.path} is no file but a ${change.kind}`);
        size = change.size ?? 0;
      } else if (change.type === "content") {
        yield* zeros(change.offset - offset);
        yield change.bytes;
        offset = change.offset + change.bytes.length;
      }
      if (!verify && (offset === size || (change.type === "entry" && change.ordinal > ordinal))) break;
    }
    if (size === undefined) throw new PortolanError("path-not-found", `layer ${layer} has no entry ${ordinal}`);
    yield* zeros(size - offset);
  }

  /** The changes of a layer around an entry, with its content; all of them where there is no index. */
  async *#around(layer: number, ordinal: number, verify: boolean, signal?: AbortSignal): AsyncGenerator<Change, void> {
    const { stop, unfollow } = following(signal);
    try {
      const batches = await this.#place.work.again(this.#job(layer, [ordinal], verify), ordinal, stop.signal);
      if (batches) for await (const batch of batches) yield* batch;
      else yield* this.changes({ layer, content: [ordinal], verify, signal: stop.signal });
    } finally {
      unfollow();
      stop.abort();
    }
  }

  /** What could be saved, with at most so many paths, the worst first. */
  async waste({ most = 100, signal }: Abortable & { most?: number } = {}): Promise<Waste> {
    return until((await this.tree({ signal })).waste(most), signal);
  }

  /**
   * Verifies everything that the image refers to: size and digest of every blob, DiffIDs, and that documents agree. Yields
   * what is found as it is found, and returns how much was verified. What is wrong with the image is a finding, not an
   * error.
   */
  verify(options: VerifyOptions = {}): AsyncGenerator<Finding, Verified> {
    const { source, work, limits, strict } = this.#place;
    const root = options.everything ? undefined : this.descriptor;
    return verification({ source, work, limits, strict, root, ...options });
  }

  /**
   * The bytes of a blob of the same place, verified: a layer or config of an artifact, or the manifest of a referrer. At most so
   * many bytes are held, 64 MiB unless given; `changes` streams layers of any size. Fails with `blob-not-found`, `size-mismatch`,
   * `digest-mismatch` or `limit-exceeded`.
   *
   * An archive of `docker save` promises no digests of layers, so that one that is compressed there fails.
   */
  async blob(descriptor: Descriptor, { most = DOCUMENT_BYTES, signal }: BlobOptions = {}): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const { digest, size } = descriptor;
    if (size > most) throw new PortolanError("limit-exceeded", `blob ${digest} of ${size} bytes exceeds the limit of ${most} bytes; raise most to allow it`);
    const bytes = await document(this.#place.source, descriptor, signal, most);
    if (!bytes) throw missing(digest);
    const verifier = over(await instance()).verifier(digest, size);
    for (const part of partsOf(bytes)) verifier.feed(part);
    verifier.finish();
    return bytes;
  }

  /**
   * The manifests of the same place that have this image as their subject: signatures, SBOMs, attestations. Those of an index it
   * is in are found with `digest`. A registry is asked; of any other place everything that its `index.json` leads to is read,
   * once. `blob` gives their bytes.
   */
  async referrers({ digest = this.descriptor.digest, ...options }: Abortable & { artifactType?: string; digest?: string } = {}): Promise<Descriptor[]> {
    return this.#place.referrers(digest, options);
  }

  /**
   * The manifests that stand beside this image in its index as attestations of it, as BuildKit writes them: SBOMs and provenance.
   * Their layers are in-toto statements, whose kinds are the annotations `in-toto.io/predicate-type`. `select` opens one by its
   * digest, `blob` gives the bytes.
   */
  async attestations({ signal }: Abortable = {}): Promise<Descriptor[]> {
    signal?.throwIfAborted();
    const { source, limits } = this.#place;
    const outermost = this.indexes[0]?.digest;
    const listed = await list(source, present<Selector>({ digest: outermost }), limits, signal);
    const about = listed.filter(({ attestationOf }) => attestationOf === this.descriptor.digest);
    return about.map(({ descriptor }) => descriptor);
  }

  /**
   * The WebAssembly that the image holds, in whatever form it was packaged, and how it is called; nothing when it holds none. Layers
   * are read only where it may be a file in them, as it may in every container image with a command. The platforms for which an
   * index with WebAssembly is opened are those of `workload.platforms()` in the toolkit.
   */
  async wasm({ signal }: Abortable = {}): Promise<Workload | undefined> {
    signal?.throwIfAborted();
    const { source, limits } = this.#place;
    return workloadOf(this, { limits, signal, head: (descriptor, most) => document(source, descriptor, signal, most) });
  }

  /** Frees what the image holds. It is not used afterwards. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    const tree = this.#tree;
    this.#tree = undefined;
    this.#place.work.forget(this.#indexes);
    try {
      await (await tree?.made.catch(() => undefined))?.close();
    } finally {
      await this.#place.release();
    }
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  #job(index: number, content: LayerOptions["content"], verify = true): LayerJob {
    const descriptor = this.layers[index];
    if (!descriptor) {
      const known = this.layers.length === 0 ? "the image has none" : `those of the image are 0 to ${this.layers.length - 1}`;
      throw new PortolanError("path-not-found", `there is no layer ${index}: ${known}`);
    }
    const job = layerJob(this.#place, descriptor, descriptor.diffId, content);
    return { ...job, options: present<LayerOptions>({ ...job.options, verify, index: this.#indexes[index] }) };
  }
}

const ZEROS = 64 << 10;

function* zeros(count: number): Generator<Uint8Array> {
  for (let left = count; left > 0; left -= ZEROS) yield new Uint8Array(Math.min(left, ZEROS));
}

/** A stream that is pulled from a generator, and ends it when it is cancelled. */
function toStream(values: AsyncGenerator<Uint8Array, void>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await values.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await values.return();
      },
    },
    { highWaterMark: 0 },
  );
}

