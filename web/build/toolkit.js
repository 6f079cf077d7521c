// Makes `generated/` of the component that only shows images: what the page takes instead of the package's own toolkit.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { transpile } from "../../npm/build/transpile.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const components = process.argv[2] ?? here("../../target/components");
const generated = here("../generated");

await rm(generated, { recursive: true, force: true });
await transpile(join(components, "exploring.wasm"), "toolkit", generated);
