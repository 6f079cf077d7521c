/** Deno: Node's modules, and the workers of the web. */
import type { System } from "../system.js";
import { system as node } from "./node.js";
import { beginWorker, onPort } from "./web.js";

export const system: System = { ...node, beginWorker, onPort };
