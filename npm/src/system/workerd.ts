/** Cloudflare's workers, where code is compiled beforehand: modules are imported, and there are no threads. */
import hasher0 from "../../generated/hasher.core.wasm";
import hasher2 from "../../generated/hasher.core2.wasm";
import hasher3 from "../../generated/hasher.core3.wasm";
import toolkit0 from "../../generated/toolkit.core.wasm";
import toolkit2 from "../../generated/toolkit.core2.wasm";
import toolkit3 from "../../generated/toolkit.core3.wasm";
import wasm0 from "../../generated/wasm.core.wasm";
import { componentHasher } from "../hasher.js";
import type { Hasher, System } from "../system.js";
import { gunzip, spool } from "./web.js";

const MODULES: Record<string, WebAssembly.Module> = {
  "hasher.core.wasm": hasher0,
  "hasher.core2.wasm": hasher2,
  "hasher.core3.wasm": hasher3,
  "toolkit.core.wasm": toolkit0,
  "toolkit.core2.wasm": toolkit2,
  "toolkit.core3.wasm": toolkit3,
  "wasm.core.wasm": wasm0,
};

const compile = async (name: string) => MODULES[name] as WebAssembly.Module;
let hasher: Promise<Hasher> | undefined;

export const system: System = {
  compile,
  hasher: () => (hasher ??= componentHasher(compile)),
  platform: () => ({ os: "linux", architecture: "amd64" }),
  parallelism: () => 1,
  spool,
  request: { redirect: "manual" },
  gunzip,
};
