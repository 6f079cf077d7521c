/** Registries: the distribution protocol over the engine's own `fetch` (`wit/registry.wit`). */
import type * as wit from "../generated/interfaces/portolan-image-registry.js";
import { type Credentials, fromCredentials, knownCredentials } from "./credentials.js";
import { PortolanError, attempt } from "./error.js";
import * as push from "./push.js";
import type { Make, PushBlobOptions, Pushed } from "./push.js";
import type { Name, Selector } from "./reference.js";
import { type BlobReader, type Upload } from "./registry/body.js";
import { Job, expected } from "./registry/job.js";
import { release } from "./release.js";
import { following, until } from "./signal.js";
import type { BytesLike } from "./source.js";
import { chunksOf } from "./source/custom.js";
import { type Instance, instance, newInstance } from "./toolkit.js";
import { type Abortable, type Descriptor, type Limits, fromDescriptor, fromLimits, present, toBigInt, toDescriptor } from "./types.js";

export type { Credentials } from "./credentials.js";
export type { How, PushBlobOptions, Pushed } from "./push.js";
export type { BlobReader } from "./registry/body.js";

/** A place that has what a registry has. */
export interface Mirror {
  /** The registry that it stands for, such as `docker.io`. */
  registry: string;
  /** Its own name, as a registry. */
  host: string;
  /** Whether it is a proxy that is told for whom it is asked. */
  isProxy?: boolean;
}

/** How registries are reached. */
export interface RegistryOptions extends Abortable {
  /** `automatic`, unless given: `https`, but `http` for the machine itself. `plain` is `http`, `secure` is `https`, for all. */
  transport?: "automatic" | "plain" | "secure";
  /** Where else to pull from, in the order of trying, before the registry itself. */
  mirrors?: Mirror[];
  /** Hosts of token servers on other sites than the registry that may see credentials. */
  trustedRealms?: string[];
  /** How often a request is sent again, or a blob without progress; 5 unless given. */
  retries?: number;
  /**
   * Who we are at a registry such as `ghcr.io`; asked once for each. Unless given, Node, Deno and Bun look where Docker and Podman
   * keep credentials, and ask the helpers that are named there; pages and `workerd` know none.
   */
  credentials?: (registry: string) => Credentials | undefined | Promise<Credentials | undefined>;
  /** What speaks HTTP instead of the engine's own. */
  fetch?: typeof fetch;
  /** The longest silence on a connection in milliseconds; 60,000 unless given. */
  patience?: number;
  /** Limits that differ from their defaults. */
  limits?: Limits;
}

/** A name at a registry: such as `ghcr.io/org/app:1.0`, or its parts, such as `parseName` answers. Without a registry it is Docker Hub. */
export type ImageName = string | (Pick<Name, "registry" | "repository"> & { selector?: Selector });

/** A manifest or index, verified. */
export interface Pulled {
  descriptor: Descriptor;
  /** As it was received. */
  bytes: Uint8Array;
}

export interface FetchOptions extends Abortable {
  /** Where to begin, in bytes. */
  offset?: number;
  /** Whether size and digest are compared at the end; true unless given, where it begins at the beginning. */
  verify?: boolean;
}

type Client = { instance: Instance; client: wit.Client };

/**
 * All registries that a program speaks to: what is learnt of one, such as its tokens, serves every request after.
 *
 * ```js
 * const registries = new Registries();
 * console.log(await registries.tags("ghcr.io/org/app"));
 * ```
 *
 * In a page, a registry has to let pages of other origins read its answers (CORS), and most do not.
 * Every method fails with `unauthorized`, `registry-unreachable`, `registry-refused` or whatever else registries can do.
 */
export class Registries {
  readonly #options: RegistryOptions;
  #client: Promise<Client> | undefined;
  #loaded: Client | undefined;

  constructor(options: RegistryOptions = {}) {
    this.#options = options;
  }

  /** What registries have warned of since this was last asked. Show it; do nothing about it. */
  takeWarnings(): string[] {
    return this.#loaded?.client.takeWarnings() ?? [];
  }

  /** Asks whether a registry is there and lets us in. */
  async ping(registry: string, { signal }: Abortable = {}): Promise<void> {
    await this.#run((client) => client.ping(registry), signal);
  }

  /** Pulls the manifest or index that a name stands for. Fails with `reference-not-found`. */
  async resolve(name: ImageName, { signal }: Abortable = {}): Promise<Pulled> {
    const { repository, selector } = await parts(name);
    const { val } = expected(await this.#run((client) => client.resolve(repository, selector), signal), "manifest");
    return { descriptor: toDescriptor(val.descriptor), bytes: val.bytes };
  }

  /** What a name stands for, without its bytes; nothing where there is no such tag or digest. */
  async stat(name: ImageName, { signal }: Abortable = {}): Promise<Descriptor | undefined> {
    const { repository, selector } = await parts(name);
    const { val } = expected(await this.#run((client) => client.stat(repository, selector), signal), "descriptor");
    return val && toDescriptor(val);
  }

  /**
   * The bytes of a blob or manifest, as they come; they are true when the iteration ends without an error. A connection that
   * breaks is no end of it, and leaving the iteration ends the download. Fails with `blob-not-found`, `size-mismatch` or
   * `digest-mismatch`.
   */
  async *fetch(name: ImageName, descriptor: Descriptor, { offset = 0, verify = offset === 0, signal }: FetchOptions = {}): AsyncGenerator<Uint8Array, void> {
    if (verify && offset > 0) throw new TypeError("only a whole blob can be verified");
    const { repository } = await parts(name);
    const begin = (client: wit.Client) => client.fetch(repository, fromDescriptor(descriptor), toBigInt(offset));
    const { digest } = await instance();
    const { job, done } = await this.#begin(begin, signal);
    let verifier: { feed(bytes: Uint8Array): void; finish(): void } | undefined;
    try {
      if (verify) verifier = attempt(() => digest.Verifier.start(descriptor.digest, toBigInt(descriptor.size)));
      for await (const chunk of job.deliver(Math.max(0, descriptor.size - offset))) {
        attempt(() => verifier?.feed(chunk));
        yield chunk;
      }
      attempt(() => verifier?.finish());
    } catch (error) {
      throw this.#failed(error);
    } finally {
      done();
      if (verifier) release(verifier);
    }
  }

  /** Whether something is in a repository. */
  async has(name: ImageName, descriptor: Descriptor, { signal }: Abortable = {}): Promise<boolean> {
    const { repository } = await parts(name);
    const outcome = await this.#run((client) => client.has(repository, fromDescriptor(descriptor)), signal);
    return expected(outcome, "descriptor").val !== undefined;
  }

  /**
   * Pushes a blob, unless it is there or can be mounted. Its content is bytes, a `Blob`, or a function that reads it from an
   * offset on, as often as it takes. Bytes that are not what the descriptor says are not pushed.
   *
   * A page cannot send streams: what the function reads is collected there first, a chunk at a time where that has a size.
   */
  async pushBlob(
    name: ImageName,
    descriptor: Descriptor,
    content: Uint8Array | ArrayBuffer | Blob | BlobReader,
    options: PushBlobOptions = {},
  ): Promise<Pushed> {
    const { repository } = await parts(name);
    const upload = { descriptor, content: content instanceof ArrayBuffer ? new Uint8Array(content) : content };
    return expected(await this.#run(push.blob(repository, descriptor, options), options.signal, upload), "pushed").val;
  }

  /** Pushes a blob whose end nobody knows yet, and answers what it turned out to be. */
  async pushStream(name: ImageName, content: BytesLike, { signal }: Abortable = {}): Promise<Pushed & { size: number }> {
    const { repository } = await parts(name);
    const upload = { stream: chunksOf(content, signal), size: 0 };
    const { val } = expected(await this.#run(push.stream(repository), signal, upload), "pushed");
    return { ...val, size: upload.size };
  }

  /** Pushes a manifest or index, under the tag of the name unless tags are given. What it refers to has to be there. */
  async pushManifest(
    name: ImageName,
    descriptor: Descriptor,
    bytes: Uint8Array,
    { tags, signal }: Abortable & { tags?: string[] } = {},
  ): Promise<void> {
    const { repository, selector } = await parts(name);
    const under = tags ?? (selector.tag === undefined ? [] : [selector.tag]);
    await this.#run(push.manifest(repository, descriptor, bytes, under), signal);
  }

  /** All tags of a repository. */
  async tags(name: ImageName, { signal }: Abortable = {}): Promise<string[]> {
    const { repository } = await parts(name);
    return expected(await this.#run((client) => client.tags(repository), signal), "tags").val;
  }

  /** The manifests that have this one as their subject: signatures, SBOMs, attestations. */
  async referrers(name: ImageName, digest: string, { artifactType, signal }: Abortable & { artifactType?: string } = {}): Promise<Descriptor[]> {
    const { repository } = await parts(name);
    const outcome = await this.#run((client) => client.referrers(repository, digest, artifactType), signal);
    return expected(outcome, "referrers").val.map(toDescriptor);
  }

  /** Deletes the tag of a name; or a manifest by its digest, with all its tags. Fails with `reference-not-found`. */
  async delete(name: ImageName, { signal }: Abortable = {}): Promise<void> {
    const { repository, selector } = await parts(name);
    if (selector.tag === undefined && selector.digest === undefined) {
      throw new PortolanError("invalid-reference", `${repository.registry}/${repository.name}: expected a tag or digest to delete`);
    }
    await this.#run(push.deleteManifest(repository, selector), signal);
  }

  /** Deletes a blob. Fails with `blob-not-found`. */
  async deleteBlob(name: ImageName, digest: string, { signal }: Abortable = {}): Promise<void> {
    const { repository } = await parts(name);
    await this.#run(push.deleteBlob(repository, digest), signal);
  }

  /** Begins a job, and answers how to end it. */
  async #begin(make: Make, given: AbortSignal | undefined, upload?: Upload): Promise<{ job: Job; done: () => void }> {
    const { stop, unfollow } = following(this.#options.signal, given);
    const { signal } = stop;
    try {
      signal.throwIfAborted();
      const { client, instance } = await until((this.#client ??= this.#load()), signal);
      const { fetch = globalThis.fetch.bind(globalThis), patience = 60_000 } = this.#options;
      const credentials = (registry: string) => until(this.#credentials(registry), signal);
      const job = new Job(attempt(() => make(client, instance.push)), { http: { fetch, patience }, upload, signal, credentials });
      return {
        job,
        done: () => {
          unfollow();
          job.release();
        },
      };
    } catch (error) {
      unfollow();
      // It may be loaded another time.
      if (!signal.aborted && !this.#loaded) this.#client = undefined;
      throw error;
    }
  }

  async #run(make: Make, signal: AbortSignal | undefined, upload?: Upload): Promise<wit.Outcome> {
    const { job, done } = await this.#begin(make, signal, upload);
    try {
      return await job.complete();
    } catch (error) {
      throw this.#failed(error);
    } finally {
      done();
    }
  }

  #failed(error: unknown): unknown {
    // Its memory is what the defect left.
    if (error instanceof PortolanError && error.code === "defect") this.#client = undefined;
    return error;
  }

  /** An instance of its own, whose memory is what answers have made of it. */
  async #load(): Promise<Client> {
    const { transport = "automatic", mirrors = [], trustedRealms = [], retries = 5, limits } = this.#options;
    const [seed] = crypto.getRandomValues(new BigUint64Array(1));
    const given: wit.Options = {
      transport,
      mirrors: mirrors.map((mirror) => ({ isProxy: false, ...mirror })),
      trustedRealms,
      retries,
      seed: seed as bigint,
    };
    const instance = await newInstance();
    this.#loaded = { instance, client: attempt(() => new instance.registry.Client(given, fromLimits(limits))) };
    return this.#loaded;
  }

  async #credentials(registry: string): Promise<wit.Credentials | undefined> {
    const { credentials } = this.#options;
    const found = credentials ? await credentials(registry) : await knownCredentials(registry);
    return found && fromCredentials(found);
  }
}

/** What a name stands for. */
async function parts(name: ImageName): Promise<{ repository: wit.Repository; selector: Selector }> {
  if (typeof name !== "string") return { repository: { registry: name.registry, name: name.repository }, selector: name.selector ?? {} };
  const { reference } = await instance();
  const { name: parsed } = attempt(() => reference.parse(name));
  if (!parsed) throw new PortolanError("invalid-reference", `${name}: expected a name at a registry`);
  const { registry, repository, selector } = parsed;
  return { repository: { registry, name: repository }, selector: present({ tag: selector.tag, digest: selector.digest }) };
}

const shared = new Map<string, Registries>();

/** Those that are given, or the ones that all share who give none. */
export function registriesOf({ registries, registry, limits }: { registries?: Registries | undefined; registry?: RegistryOptions | undefined; limits?: Limits | undefined }): Registries {
  if (registries) return registries;
  if (registry) return new Registries(present<RegistryOptions>({ limits, ...registry }));
  const key = JSON.stringify(limits ?? {});
  let found = shared.get(key);
  if (!found) shared.set(key, (found = new Registries(present<RegistryOptions>({ limits }))));
  return found;
}

/** Which registries are asked; the same for all who give none, so that tokens are shared. */
export interface RegistryUse extends Abortable {
  registries?: Registries;
  /** How to reach them, instead. */
  registry?: RegistryOptions;
}

/** All tags of the repository that a name is of. */
export function listTags(name: ImageName, options: RegistryUse = {}): Promise<string[]> {
  return registriesOf(options).tags(name, { signal: options.signal });
}

/** What refers to the manifest or index of a name: signatures, SBOMs, attestations. Fails with `reference-not-found`. */
export async function referrers(name: ImageName, { artifactType, ...options }: RegistryUse & { artifactType?: string } = {}): Promise<Descriptor[]> {
  const { signal } = options;
  const registries = registriesOf(options);
  const { selector } = await parts(name);
  const digest = selector.digest ?? (await registries.resolve(name, { signal })).descriptor.digest;
  return registries.referrers(name, digest, present({ artifactType, signal }));
}
