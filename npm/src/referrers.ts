/** What refers to what in a place that has no list of that (`referrers` in `wit/manifest.wit`). */
import type * as wit from "../generated/interfaces/portolan-image-manifest.js";
import { attempt } from "./error.js";
import { release } from "./release.js";
import { until } from "./signal.js";
import { type Source, answer } from "./source.js";
import { instance } from "./toolkit.js";
import { type Abortable, type Descriptor, type Limits, fromLimits, toDescriptor } from "./types.js";

/** What refers to what, read when it is asked for the first time: everything that the `index.json` leads to. */
export class Referrers {
  readonly #source: Source;
  readonly #limits: Limits | undefined;
  readonly #stop = new AbortController();
  #known: Promise<wit.Referrers> | undefined;

  constructor(source: Source, limits: Limits | undefined) {
    this.#source = source;
    this.#limits = limits;
  }

  /** What refers to a manifest or index, of one artifact type or of all. */
  async find(digest: string, { artifactType, signal }: Abortable & { artifactType?: string }): Promise<Descriptor[]> {
    signal?.throwIfAborted();
    // It is read for all who ask: whoever gives up only stops waiting.
    const known = await until((this.#known ??= this.#read()), signal);
    const found = attempt(() => known.find(digest)).map(toDescriptor);
    return artifactType === undefined ? found : found.filter((it) => it.artifactType === artifactType);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    const known = await this.#known?.catch(() => undefined);
    if (known) release(known);
  }

  async #read(): Promise<wit.Referrers> {
    const { signal } = this.#stop;
    let referrers: wit.Referrers | undefined;
    try {
      const { manifest } = await instance();
      const index = await this.#source.index(signal);
      const made = (referrers = attempt(() => manifest.Referrers.start(index, fromLimits(this.#limits))));
      await answer(made, this.#source, (bytes) => made.supply(bytes), signal);
      return made;
    } catch (error) {
      if (referrers) release(referrers);
      // Another try may go better.
      this.#known = undefined;
      throw error;
    }
  }
}
