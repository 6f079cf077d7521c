/** What `docker save` writes: a tar archive with a `manifest.json`, configs and uncompressed layers. */
import { attempt } from "../error.js";
import { type Source, readWhole } from "../source.js";
import { instance } from "../toolkit.js";
import { type Limits, fromLimits, toBigInt } from "../types.js";
import type { Archive } from "./archive.js";
import { memoryBytes, storedBlob } from "./bytes.js";

/** An archive of `docker save`, with the documents that it would have as a layout. */
export async function dockerArchive(archive: Archive, limits?: Limits, signal?: AbortSignal): Promise<Source> {
  const { manifest } = await instance();
  const listing = await readWhole(archive.required("manifest.json", true).stream(signal));
  const images = attempt(() => manifest.parseDockerArchive(listing, fromLimits(limits)));
  const members: { config: Uint8Array; layerSizes: BigUint64Array }[] = [];
  for (const image of images) {
    members.push({
      config: await readWhole(archive.required(image.config, true).stream(signal)),
      layerSizes: BigUint64Array.from(image.layers, (layer) => toBigInt(archive.required(layer, true).size)),
    });
  }
  const written = attempt(() => manifest.synthesize(listing, members, fromLimits(limits)));
  const documents = new Map<string, Uint8Array>();
  /** The names of the members that hold layers, by the digests of the layers. */
  const layers = new Map<string, string>();
  written.images.forEach((image, index) => {
    documents.set(image.manifestDigest, image.manifest);
    documents.set(image.configDigest, members[index]?.config ?? new Uint8Array());
    image.layerDigests.forEach((digest, layer) => layers.set(digest, images[index]?.layers[layer] as string));
  });
  return {
    kind: "docker archive",
    // They stand for the DiffIDs, which are verified as such. Some tools put compressed layers into these archives.
    promisesLayerDigests: false,
    index: async () => written.index,
    fetch: async ({ digest }, _, range) => {
      const document = documents.get(digest);
      if (document) return storedBlob(memoryBytes(document), 0, document.length);
      const layer = layers.get(digest);
      const member = layer === undefined ? undefined : archive.member(layer, true);
      return range ? member?.part(range) : member;
    },
    close: () => archive.close(),
  };
}
