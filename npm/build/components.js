// Transpiles the components in a directory (`target/components` unless named) into `generated/`: JavaScript that lifts
// and lowers, the core modules as files beside it, and the declarations of the interfaces.
import { transpileBytes } from "@bytecodealliance/jco-transpile";
import { build } from "esbuild";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { shared } from "./shared.js";

const here = dirname(fileURLToPath(import.meta.url));
const components = process.argv[2] ?? join(here, "../../target/components");
const generated = join(here, "../generated");

// Whatever Rust emits for the target and its one extension.
const FEATURES = ["simd", "bulk-memory", "sign-ext", "mutable-globals", "nontrapping-float-to-int", "multivalue", "reference-types"];
const OPTIMIZE = ["-O3", "--strip-debug", "--strip-producers", ...FEATURES.map((feature) => `--enable-${feature}`)];

await rm(generated, { recursive: true, force: true });
// What a script is called here, and the component that it is made of: nothing in JavaScript copies or packs.
for (const [name, made] of [["toolkit", "reading"], ["hasher", "hasher"], ["wasm", "inspecting"]]) {
  const component = await readFile(join(components, `${made}.wasm`)).catch((error) => {
    throw new Error(`${error.message}; \`make npm\` writes the components first`);
  });
  const { files } = await transpileBytes(component, {
    name,
    instantiation: "async",
    base64Cutoff: 0,
    nodejsCompat: false,
    namespacedExports: false,
    validLiftingOptimization: true,
    optimize: true,
    optimizeOptions: { quiet: true, optArgs: OPTIMIZE },
  });
  for (const [file, content] of Object.entries(files)) {
    const path = join(generated, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  const script = join(generated, `${name}.js`);
  const source = shared(unfinalized(Buffer.from(files[`${name}.js`]).toString("utf8")));
  await build({
    stdin: { contents: source, sourcefile: `${name}.js`, resolveDir: generated },
    outfile: script,
    allowOverwrite: true,
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    legalComments: "none",
  });
}

/** Completes what stands for the registry of finalizers where there is none, such as in workerd before 2025-05-05. */
function unfinalized(source) {
  // Where there are no resources there is nothing to finalize.
  if (!source.includes("FinalizationRegistry")) return source;
  const changed = source.replace(/return \{\s*unregister\s*\(\)\s*\{\s*\}\s*,?\s*\};?/, "return { register() {}, unregister() {} };");
  if (changed === source) throw new Error("expected a stand-in for FinalizationRegistry: the generator changed");
  return changed;
}
