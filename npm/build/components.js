// Transpiles the components in a directory (`target/components` unless named) into `generated/`.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { transpile } from "./transpile.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const components = process.argv[2] ?? here("../../target/components");
const generated = here("../generated");

await rm(generated, { recursive: true, force: true });
// What a script is called here, and the component that it is made of: nothing in JavaScript copies or packs.
for (const [name, made] of [["toolkit", "reading"], ["hasher", "hasher"], ["wasm", "inspecting"]]) {
  await transpile(join(components, `${made}.wasm`), name, generated);
}
