// Subjects that list the entries of one layer, each with the seconds it took once the bytes were there.
import { createTarDecoder } from "modern-tar";
import { createWorkerPool, openImage } from "portolan";

const layer = await (await fetch("../layer.json")).json();
const blob = await (await fetch("../layer.bin")).blob();

/** An image of this one layer. */
async function source() {
  const encoder = new TextEncoder();
  const digest = async (bytes) => {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return `sha256:${[...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  };
  const config = encoder.encode(JSON.stringify({ os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [layer.diffId] } }));
  const { diffId, ...descriptor } = layer;
  const described = { mediaType: "application/vnd.oci.image.config.v1+json", digest: await digest(config), size: config.length };
  const manifest = encoder.encode(
    JSON.stringify({ schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config: described, layers: [descriptor] }),
  );
  const blobs = new Map([[described.digest, config], [await digest(manifest), manifest], [descriptor.digest, blob]]);
  const entry = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: await digest(manifest), size: manifest.length };
  return {
    index: () => encoder.encode(JSON.stringify({ schemaVersion: 2, manifests: [entry] })),
    read: ({ digest }) => blobs.get(digest),
  };
}

const pool = createWorkerPool({ size: 1 });
const image = await openImage(await source(), { pool });

async function timed(work) {
  const start = performance.now();
  const result = await work();
  return { seconds: (performance.now() - start) / 1000, ...result };
}

/** Lists the entries with the package. */
const listed = (options) =>
  timed(async () => {
    let entries = 0;
    const changes = image.changes(options);
    for (;;) {
      const { done, value } = await changes.next();
      if (done) return { entries, bytes: value[0].uncompressedSize };
      entries += value.type === "entry" ? 1 : 0;
    }
  });

globalThis.subjects = {
  "portolan, verified": () => listed({}),
  "portolan, not verified": () => listed({ verify: false }),
  "DecompressionStream and modern-tar": () =>
    timed(async () => {
      let entries = 0;
      const reader = blob.stream().pipeThrough(new DecompressionStream("gzip")).pipeThrough(createTarDecoder()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return { entries };
        entries += 1;
        await value.body?.cancel();
      }
    }),
};
