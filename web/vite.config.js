import { fileURLToPath } from "node:url";
import { offline } from "./build/offline.js";
import { parts } from "./build/parts.js";
import { sample } from "./build/sample.js";

const demo = fileURLToPath(new URL("../tests/images/demo", import.meta.url));

export default {
  // Any path of any static host.
  base: "./",
  plugins: [parts(), sample(demo), offline()],
  worker: { format: "es" },
  // Modules of WebAssembly stay files, which a strict Content-Security-Policy asks for; so does the style sheet.
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: false },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  optimizeDeps: { exclude: ["portolan"] },
};
