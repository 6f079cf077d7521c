/** The service worker: after the first visit the page opens without a network. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const SCRIPT = (name, files) => `const NAME = ${JSON.stringify(name)};
const FILES = ${JSON.stringify(files)};
const here = new Set(FILES.map((file) => new URL(file, location.href).href));

addEventListener("install", (event) => {
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(FILES)).then(() => skipWaiting()));
});

addEventListener("activate", (event) => {
  const ours = (name) => name.startsWith("portolan-") && name !== NAME;
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter(ours).map((name) => caches.delete(name)))).then(() => clients.claim()));
});

// What belongs to the page is taken from what was kept; whatever else is asked for is none of this worker's business.
addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  url.hash = "";
  if (event.request.method !== "GET" || !here.has(url.href)) return;
  event.respondWith(caches.open(NAME).then((cache) => cache.match(url.href)).then((kept) => kept ?? fetch(event.request)));
});
`;

/** Writes `worker.js` with the files of the page, under a name that changes when they do. */
export function offline() {
  return {
    name: "offline",
    apply: "build",
    enforce: "post",
    generateBundle(_, bundle) {
      const own = readdirSync(join(this.environment.config.root, "public"));
      // Without a network no registry is asked either, so what speaks to them is not kept.
      const kept = Object.keys(bundle).filter((file) => file !== "index.html" && !/(^|\/)registry\./.test(file));
      const files = ["./", ...own, ...kept].sort();
      const hash = createHash("sha256");
      for (const [file, { code, source }] of Object.entries(bundle).sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(file).update(code ?? source);
      for (const file of own) hash.update(readFileSync(join(this.environment.config.root, "public", file)));
      this.emitFile({ type: "asset", fileName: "worker.js", source: SCRIPT(`portolan-${hash.digest("hex").slice(0, 16)}`, files) });
    },
  };
}
