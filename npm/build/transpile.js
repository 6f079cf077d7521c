// Makes JavaScript of a component: a script that lifts and lowers, its core modules as files beside it, and the
// declarations of its interfaces.
import { transpileBytes } from "@bytecodealliance/jco-transpile";
import { build } from "esbuild";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { shared } from "./shared.js";

// Whatever Rust emits for the target and its one extension.
const FEATURES = ["simd", "bulk-memory", "sign-ext", "mutable-globals", "nontrapping-float-to-int", "multivalue", "reference-types"];

/** Transpiles the component in a file, under a name, into a directory. */
export async function transpile(component, name, directory) {
  const bytes = await readFile(component).catch((error) => {
    throw new Error(`${error.message}; \`make npm\` writes the components first`);
  });
  const { files } = await transpileBytes(bytes, {
    name,
    instantiation: "async",
    base64Cutoff: 0,
    nodejsCompat: false,
    namespacedExports: false,
    validLiftingOptimization: true,
    optimize: true,
    optimizeOptions: { quiet: true, optArgs: ["-O3", "--strip-debug", "--strip-producers", ...FEATURES.map((feature) => `--enable-${feature}`)] },
  });
  for (const [file, content] of Object.entries(files)) {
    const path = join(directory, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  await build({
    stdin: { contents: shared(unfinalized(Buffer.from(files[`${name}.js`]).toString("utf8"))), sourcefile: `${name}.js`, resolveDir: directory },
    outfile: join(directory, `${name}.js`),
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
