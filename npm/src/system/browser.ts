/** Browsers, and whatever has the interfaces of the web. */
import { componentHasher } from "../hasher.js";
import type { Hasher, System } from "../system.js";
import { beginWorker, breathe, compile, gunzip, onPort, spool } from "./web.js";

let hasher: Promise<Hasher> | undefined;

export const system: System = {
  compile,
  hasher: () => (hasher ??= componentHasher(compile)),
  // No page is told the processor, and images for browsers there are none: what most images are for.
  platform: () => ({ os: "linux", architecture: "amd64" }),
  parallelism: () => globalThis.navigator?.hardwareConcurrency ?? 2,
  breathe,
  spool,
  // What a page gets for a redirect that is not followed says nothing, not even where it leads.
  request: { redirect: "follow", credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store" },
  gunzip,
  onPort,
  ...(typeof Worker === "function" && { beginWorker }),
};
