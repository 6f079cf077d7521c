/** Bun: what Deno has. */
export { system } from "./deno.js";
