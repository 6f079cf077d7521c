// @ts-check
/** Layouts in memory: blobs, documents and the archives that hold them. */
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { file, tar } from "./tar.js";

/**
 * @typedef {import("../dist/index.js").Descriptor} Descriptor
 * @typedef {"none" | "gzip" | "zstd"} Compression
 */

export const MEDIA = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
};

/** @param {Uint8Array} bytes */
export const sha256 = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** A zstd frame of blocks as they are: what a compressor writes for bytes that cannot be compressed. @param {Uint8Array} bytes */
export function zstd(bytes) {
  // A single segment whose size stands in eight bytes, and no checksum.
  const header = Buffer.alloc(13);
  header.writeUInt32LE(0xfd2fb528, 0);
  header[4] = 0xe0;
  header.writeBigUInt64LE(BigInt(bytes.length), 5);
  const blocks = [];
  for (let start = 0; start === 0 || start < bytes.length; start += 1 << 17) {
    const part = bytes.subarray(start, start + (1 << 17));
    const before = Buffer.alloc(3);
    before.writeUIntLE((part.length << 3) | Number(start + part.length >= bytes.length), 0, 3);
    blocks.push(before, part);
  }
  return Buffer.concat([header, ...blocks]);
}

/** @param {Uint8Array} bytes @param {Compression} compression */
export function compress(bytes, compression) {
  return compression === "gzip" ? gzipSync(bytes) : compression === "zstd" ? zstd(bytes) : Buffer.from(bytes);
}

/** An image layout under construction. */
export class Layout {
  /** @type {Map<string, Buffer>} */
  blobs = new Map();
  /** @type {object[]} */
  entries = [];
  /** The archives of the layers, by the digests of their blobs. @type {Map<string, Buffer>} */
  archives = new Map();

  /** @param {string} mediaType @param {Uint8Array} bytes @returns {Descriptor} */
  blob(mediaType, bytes) {
    const digest = sha256(bytes);
    this.blobs.set(digest, Buffer.from(bytes));
    return { mediaType, digest, size: bytes.length };
  }

  /** @param {string} mediaType @param {unknown} value */
  json(mediaType, value) {
    return this.blob(mediaType, Buffer.from(JSON.stringify(value)));
  }

  /** @param {Uint8Array} archive @param {Compression} [compression] */
  layer(archive, compression = "gzip") {
    const suffix = compression === "none" ? "" : `+${compression}`;
    const descriptor = this.blob(MEDIA.layer + suffix, compress(archive, compression));
    this.archives.set(descriptor.digest, Buffer.from(archive));
    return descriptor;
  }

  /**
   * Puts an image in. Layers are lists of entries or archives.
   * @param {{ layers?: (import("./tar.js").Entry[] | Uint8Array)[], compression?: Compression, platform?: string, config?: object, annotations?: object, diffIds?: string[] }} image
   */
  image({ layers = [], compression = "gzip", platform = "linux/amd64", config = {}, annotations, diffIds } = {}) {
    const archives = layers.map((layer) => (layer instanceof Uint8Array ? layer : tar(layer)));
    const [os, architecture, variant] = platform.split("/");
    const runsOn = { os, architecture, ...(variant && { variant }) };
    const described = archives.map((archive) => this.layer(archive, compression));
    const configured = this.json(MEDIA.config, { ...runsOn, config, rootfs: { type: "layers", diff_ids: diffIds ?? archives.map(sha256) } });
    const manifest = { schemaVersion: 2, mediaType: MEDIA.manifest, config: configured, layers: described, annotations };
    return { ...this.json(MEDIA.manifest, manifest), platform: runsOn };
  }

  /** @param {object[]} manifests */
  index(manifests) {
    return this.json(MEDIA.index, { schemaVersion: 2, mediaType: MEDIA.index, manifests });
  }

  /** Adds an entry to `index.json`. @param {object} descriptor @param {string} [name] */
  tag(descriptor, name) {
    this.entries.push(name === undefined ? descriptor : { ...descriptor, annotations: { "org.opencontainers.image.ref.name": name } });
    return this;
  }

  indexJson() {
    return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.index, manifests: this.entries }));
  }

  /** @returns {[string, Buffer][]} */
  files() {
    const blobs = [...this.blobs].map(([digest, bytes]) => /** @type {[string, Buffer]} */ ([`blobs/${digest.replace(":", "/")}`, bytes]));
    return [["oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}')], ["index.json", this.indexJson()], ...blobs];
  }

  /** Writes the layout into a directory. @param {string} directory */
  async write(directory) {
    for (const [path, bytes] of this.files()) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), bytes);
    }
    return directory;
  }

  /** The layout as an archive. */
  archive() {
    return tar(this.files().map(([path, bytes]) => file(path, bytes)));
  }

  /** The layout as a place of one's own. @returns {import("../dist/index.js").BlobSource} */
  source() {
    return {
      index: () => this.indexJson(),
      read: ({ digest }) => this.blobs.get(digest),
    };
  }

  /** Images as `docker save` wrote them before Docker 25. @param {{ digest: string }[]} images @param {string[]} repoTags */
  dockerArchive(images, repoTags) {
    const members = [];
    const manifests = [];
    for (const { digest } of images) {
      const manifest = JSON.parse(String(this.blobs.get(digest)));
      const name = `${manifest.config.digest.slice(7)}.json`;
      members.push(file(name, this.blobs.get(manifest.config.digest)));
      const layers = [];
      for (const layer of manifest.layers) {
        const path = `${layer.digest.slice(7)}/layer.tar`;
        members.push(file(path, this.archives.get(layer.digest)));
        layers.push(path);
      }
      manifests.push({ Config: name, RepoTags: repoTags, Layers: layers });
    }
    return tar([...members, file("manifest.json", JSON.stringify(manifests))]);
  }
}

/** A layout with one image under the tag `latest`. @param {Parameters<Layout["image"]>[0]} image */
export function single(image) {
  const layout = new Layout();
  return layout.tag(layout.image(image), "latest");
}
