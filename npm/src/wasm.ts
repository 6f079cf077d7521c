/**
 * What a module or component of WebAssembly needs, offers and is made of (`wit/wasm.wit`).
 *
 * It is an entry of its own, since what reads WebAssembly is a component of its own.
 *
 * @packageDocumentation
 */
import { type Root, instantiate } from "../generated/wasm.js";
import { system } from "#system";
import { attempt } from "./error.js";
import { type Limits, fromLimits, present, toNumber } from "./types.js";

/** What a file of WebAssembly says of itself. */
export interface WasmInfo {
  /** A core module, a component, or a component that carries nothing but types and cannot be run. */
  kind: "module" | "component" | "wit-package";
  /** The interfaces that a component imports, or the modules that a module imports from; each once, in order. */
  imports: string[];
  /** The names that it exports, in order. */
  exports: string[];
  /** The versions of WASI in those names, such as `preview1` and `0.2.6`. */
  wasi: string[];
  /** Who made it, by its own account: `language`, `processed-by` or `sdk`. */
  producers: { field: string; name: string; version: string }[];
  /** Its own sections in their order, and the bytes of each without its header. */
  sections: { name: string; size: number }[];
  /** Its length in bytes. */
  size: number;
  /**
   * The world of a component as text: WIT, followed by the interfaces that it imports and exports, as far as the component
   * says them itself. A WIT package is given as one, a module has none.
   */
  world?: string;
}

let compiled: Promise<WebAssembly.Module> | undefined;

/** What reads WebAssembly: an instance for every file, since the memory of one never shrinks. */
async function reader(): Promise<Root> {
  compiled ??= system.compile("wasm.core.wasm", () => new URL("../generated/wasm.core.wasm", import.meta.url));
  // It may be loaded another time.
  compiled.catch(() => (compiled = undefined));
  const module = await compiled;
  return instantiate(() => module, {} as never);
}

/**
 * Reads what a module or component says of itself. Its code is not validated: `WebAssembly.validate` does that for modules.
 *
 * ```js
 * import { inspectWasm } from "portolan/wasm";
 * const { kind, imports, world } = await inspectWasm(bytes);
 * ```
 *
 * Fails with `invalid-workload`, and with `limit-exceeded` for `wasm-bytes`.
 */
export async function inspectWasm(bytes: Uint8Array, { limits }: { limits?: Limits } = {}): Promise<WasmInfo> {
  const { wasm } = await reader();
  const { kind, imports, exports, wasi, producers, sections, size, world } = attempt(() => wasm.inspect(bytes, fromLimits(limits)));
  const sized = sections.map(({ name, size }) => ({ name, size: toNumber(size) }));
  return present<WasmInfo>({ kind, imports, exports, wasi, producers, sections: sized, size: toNumber(size), world });
}
