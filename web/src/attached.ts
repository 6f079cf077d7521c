/** What is attached to an image: attestations beside it, and whatever has it as its subject. */
import { type Descriptor, type Image, PortolanError, toolkit } from "portolan";
import type { Said } from "./statement.ts";

/** A manifest that says something of an image, with the blobs that say it. */
export interface Attached {
  /** What it is attached to. */
  to: string;
  descriptor: Descriptor;
  blobs: Descriptor[];
  /** Why its manifest is not there. */
  error?: unknown;
}

/** How many manifests are looked at, and how large a document may be. */
const MOST = 100;
const MOST_BYTES = 32 << 20;

export async function attachedTo(image: Image, signal: AbortSignal): Promise<Attached[]> {
  const of = async (to: string, descriptors: Promise<Descriptor[]>) => (await descriptors).map((descriptor) => ({ to, descriptor }));
  const found = [
    ...(await of("this image", image.attestations({ signal }))),
    ...(await of("this image", image.referrers({ signal }))),
    ...(await Promise.all(image.indexes.map(({ digest }) => of("the index", image.referrers({ digest, signal }))))).flat(),
  ];
  const unique = new Map(found.map((one) => [one.descriptor.digest, one]));
  return Promise.all([...unique.values()].slice(0, MOST).map(({ to, descriptor }) => blobsOf(image, to, descriptor, signal)));
}

async function blobsOf(image: Image, to: string, descriptor: Descriptor, signal: AbortSignal): Promise<Attached> {
  try {
    const { manifest } = await toolkit();
    const document = manifest.parse(await image.blob(descriptor, { signal }));
    return { to, descriptor, blobs: document.kind === "image" ? document.layers : document.manifests };
  } catch (error) {
    signal.throwIfAborted();
    return { to, descriptor, blobs: [], error };
  }
}

/** What a blob says of an image, for a list: the kind of statement, or else its media type. */
export const about = ({ annotations, artifactType, mediaType }: Descriptor) => annotations?.["in-toto.io/predicate-type"] ?? artifactType ?? mediaType;

/** A blob that is attached, with what it says where that is understood. */
export async function documentOf(image: Image, descriptor: Descriptor, signal: AbortSignal): Promise<{ bytes: Uint8Array; said?: Said; error?: unknown }> {
  const bytes = await image.blob(descriptor, { most: MOST_BYTES, signal });
  // Whatever it is called, JSON begins so.
  if (bytes.subarray(0, 64).find((byte) => byte > 0x20) !== 0x7b) return { bytes };
  return understood(bytes, signal).then((said) => ({ bytes, said }), (error: unknown) => ({ bytes, error }));
}

function understood(bytes: Uint8Array, signal: AbortSignal): Promise<Said> {
  const worker = new Worker(new URL("./statement-worker.ts", import.meta.url), { type: "module" });
  return new Promise<Said>((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
    worker.onerror = () => reject(new PortolanError("invalid-state", "the worker that reads documents did not start"));
    worker.onmessage = ({ data: { said, error } }: MessageEvent<{ said: Said; error?: string }>) => (error === undefined ? resolve(said) : reject(new PortolanError("invalid-document", `it is no JSON: ${error}`)));
    worker.postMessage(bytes);
  }).finally(() => worker.terminate());
}
