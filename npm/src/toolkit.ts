/** The toolkit component, loaded once a thread. */
import { type Root, instantiate } from "../generated/toolkit.js";
import { system } from "#system";
import * as digest from "./digest.js";
import * as limits from "./limits.js";
import * as manifest from "./manifest.js";
import * as platform from "./platform.js";
import * as reference from "./reference.js";
import * as runtime from "./runtime.js";
import * as workload from "./workload.js";

/** An instance of the component, with a memory of its own. */
export type Instance = Root;

let modules: Promise<Record<string, WebAssembly.Module>> | undefined;
let shared: Promise<Instance> | undefined;
const idle = { hashing: [] as Instance[], unhashed: [] as Instance[] };

async function load(): Promise<Record<string, WebAssembly.Module>> {
  const names = ["toolkit.core.wasm", "toolkit.core2.wasm", "toolkit.core3.wasm"];
  const compiled = await Promise.all(names.map((name) => system.compile(name)));
  return Object.fromEntries(names.map((name, index) => [name, compiled[index] as WebAssembly.Module]));
}

/** Hashes nothing, for reading that promises nothing. */
class Unhashed {
  update(): void {}
  duplicate(): Unhashed {
    return new Unhashed();
  }
  finish(): Uint8Array {
    return new Uint8Array(32);
  }
}

/** Another instance. The memory of one never shrinks, so that what may grow has its own. */
export async function newInstance(hashing = true): Promise<Instance> {
  modules ??= load();
  const [compiled, lent] = await Promise.all([modules, system.hasher()]);
  const hasher = hashing ? lent : { Hash: Unhashed, crc32: lent.crc32 };
  return instantiate((name) => compiled[name] as WebAssembly.Module, { "portolan:image/hasher": hasher } as never);
}

/** The instance for whatever is small: documents, references, platforms. */
export function instance(): Promise<Instance> {
  shared ??= newInstance();
  return shared;
}

/**
 * Does one job, such as reading a layer, with an instance of its own. It is used again for the next job, unless something
 * went wrong.
 */
export async function* withInstance<T, R>(hashing: boolean, job: (instance: Instance) => AsyncGenerator<T, R>): AsyncGenerator<T, R> {
  const resting = hashing ? idle.hashing : idle.unhashed;
  const mine = resting.pop() ?? (await newInstance(hashing));
  const result = yield* job(mine);
  if (resting.length < 2) resting.push(mine);
  return result;
}

/** The functions of the interfaces that need no input or output, by the names of their interfaces. */
export interface Toolkit {
  readonly digest: digest.Digests;
  readonly limits: limits.LimitKeys;
  readonly manifest: manifest.Documents;
  readonly platform: platform.Platforms;
  readonly reference: reference.References;
  readonly runtime: runtime.Runtime;
  readonly workload: workload.Workloads;
}

let toolkits: Promise<Toolkit> | undefined;

/**
 * Loads the toolkit, once; its functions then answer at once.
 *
 * ```js
 * const { manifest, platform } = await toolkit();
 * const document = manifest.parse(bytes);
 * ```
 */
export function toolkit(): Promise<Toolkit> {
  toolkits ??= instance().then((root) => ({
    digest: digest.over(root),
    limits: limits.over(root),
    manifest: manifest.over(root),
    platform: platform.over(root),
    reference: reference.over(root),
    runtime: runtime.over(root),
    workload: workload.over(root),
  }));
  return toolkits;
}
