export default {
  // Any path of any static host.
  base: "./",
  // Workers are modules here. Modules of WebAssembly stay files, which a strict Content-Security-Policy asks for.
  worker: { format: "es" },
  build: { target: "es2022", assetsInlineLimit: 0 },
  // Left as it is in development, so that the package finds its files beside itself.
  optimizeDeps: { exclude: ["portolan"] },
};
