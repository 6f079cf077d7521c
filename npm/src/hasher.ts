/** Hashing in WebAssembly (`wit/hasher.wit`), for engines that have nothing faster. */
import { instantiate } from "../generated/hasher.js";
import type { Hasher } from "./system.js";

const NAMES = ["hasher.core.wasm", "hasher.core2.wasm", "hasher.core3.wasm"];

/** The hasher component, once its modules are compiled. */
export async function componentHasher(compile: (name: string) => Promise<WebAssembly.Module>): Promise<Hasher> {
  const modules = await Promise.all(NAMES.map((name) => compile(name)));
  return hasherOf((name) => modules[NAMES.indexOf(name)] as WebAssembly.Module);
}

/** The hasher component, from modules that are there. */
export function hasherOf(module: (name: string) => WebAssembly.Module): Hasher {
  const root = instantiate(module, {} as never, (compiled, imports) => new WebAssembly.Instance(compiled, imports));
  return root.hasher as unknown as Hasher;
}
