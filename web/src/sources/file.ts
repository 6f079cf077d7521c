/** What a file is: an archive of images, compressed or not; a single layer; or a document. */
import { type BlobSource, type ImageSource, PortolanError, listImages, toolkit } from "portolan";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar";
const EMPTY = new TextEncoder().encode("{}");
/** The most that is read of a file to see whether it is a document. */
const DOCUMENT_BYTES = 4 << 20;
/** Of a single layer the digest is computed in one go, by the browser. */
const LAYER_BYTES = 1 << 30;

const starts = (head: Uint8Array, ...bytes: number[]) => bytes.every((byte, at) => head[at] === byte);

export async function fileSource(file: File): Promise<ImageSource> {
  const head = new Uint8Array(await file.slice(0, 512).arrayBuffer());
  if (file.size === 0) throw new PortolanError("invalid-source", `${file.name} is empty`);
  if (starts(head, 0x28, 0xb5, 0x2f, 0xfd)) return layerSource(file, "+zstd");
  if (starts(head, 0x1f, 0x8b)) {
    const unzipped = await new Response(file.stream().pipeThrough(new DecompressionStream("gzip"))).blob().catch(() => undefined);
    if (unzipped && (await isArchive(unzipped))) return unzipped;
    return layerSource(file, "+gzip");
  }
  if (head.find((byte) => byte > 0x20) === 0x7b && file.size <= DOCUMENT_BYTES) return documentSource(file);
  if (await isArchive(file)) return file;
  if (new TextDecoder().decode(head.subarray(257, 262)) === "ustar") return layerSource(file, "");
  // Its own error says what it is not.
  return file;
}

async function isArchive(file: Blob): Promise<boolean> {
  try {
    await listImages(file);
    return true;
  } catch (error) {
    // An archive of images with something wrong in it is one all the same, and opening it says what.
    return !(error instanceof PortolanError && error.code === "invalid-source");
  }
}

/** An artifact with this layer alone. */
export async function layerSource(file: File, suffix: string): Promise<BlobSource> {
  if (file.size > LAYER_BYTES) throw new PortolanError("limit-exceeded", `${file.name} is a single layer of more than 1 GiB: put it into an image`);
  const digest = `sha256:${hex(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()))}`;
  const layers = [{ mediaType: LAYER + suffix, digest, size: file.size, annotations: { "org.opencontainers.image.title": file.name } }];
  const config = { mediaType: "application/vnd.oci.empty.v1+json", digest: (await toolkit()).digest.compute(EMPTY), size: EMPTY.length };
  const manifest = { schemaVersion: 2, mediaType: MANIFEST, artifactType: "application/vnd.example.layer", config, layers };
  return single(new TextEncoder().encode(JSON.stringify(manifest)), MANIFEST, new Map<string, Blob | Uint8Array>([[digest, file], [config.digest, EMPTY]]));
}

/** A manifest or index without its blobs; a config as that of an image whose layers are elsewhere, of a size that nobody knows. */
async function documentSource(file: File): Promise<BlobSource> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const { manifest, digest } = await toolkit();
  const found = new Map<string, Uint8Array>();
  if (isConfig(bytes)) {
    const layers = manifest.parseConfig(bytes).diffIds.map((diffId) => ({ mediaType: LAYER, digest: diffId, size: 0 }));
    const config = { mediaType: "application/vnd.oci.image.config.v1+json", digest: digest.compute(bytes), size: bytes.length };
    found.set(config.digest, bytes);
    const made = { schemaVersion: 2, mediaType: MANIFEST, config, layers };
    return single(new TextEncoder().encode(JSON.stringify(made)), MANIFEST, found);
  }
  return single(bytes, manifest.parse(bytes).mediaType, found);
}

function isConfig(bytes: Uint8Array): boolean {
  try {
    return "rootfs" in (JSON.parse(new TextDecoder().decode(bytes)) as object);
  } catch {
    return false;
  }
}

async function single(bytes: Uint8Array, mediaType: string, blobs: Map<string, Blob | Uint8Array>): Promise<BlobSource> {
  const { digest } = await toolkit();
  const descriptor = { mediaType, digest: digest.compute(bytes), size: bytes.length };
  const index = { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [descriptor] };
  return {
    index: () => new TextEncoder().encode(JSON.stringify(index)),
    read: (wanted) => (wanted.digest === descriptor.digest ? bytes : blobs.get(wanted.digest)),
  };
}

const hex = (bytes: ArrayBuffer) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
