// A service worker that serves the files of an image: GET files/<path>, from an archive beside the page. It is bundled for
// the browser, such as with Vite, since a service worker cannot import by name.
import { openImage } from "portolan";

let opened;

async function image() {
  opened ??= fetch("image.tar")
    .then((response) => response.blob())
    .then((archive) => openImage(archive));
  return opened;
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { pathname } = new URL(event.request.url);
  const [, path] = pathname.split("/files/");
  if (path === undefined) return;
  event.respondWith(
    image()
      .then((it) => it.readFile(decodeURIComponent(path)))
      // What an image holds is not ours: a browser must not take it for a page.
      .then((content) => new Response(content, { headers: { "content-type": "application/octet-stream", "x-content-type-options": "nosniff" } }))
      .catch((error) => new Response(error.message, { status: error.code === "path-not-found" ? 404 : 502 })),
  );
});
