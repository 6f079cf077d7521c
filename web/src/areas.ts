/** How much is where: bytes summed by directories. */
import type { Image } from "portolan";
import { decodingOf } from "./decoding.ts";

/** Bytes at a path. */
export interface Weight {
  path: string;
  bytes: number;
}

/** A file, or a directory with all that is in it. */
export interface Part extends Weight {
  name: string;
  isDirectory: boolean;
  /** What it has. */
  weights: Weight[];
}

/** So many wasted paths are asked for. */
const MOST_WASTED = 100_000;

/** Files of the image as they are seen, of what a layer brought, or what is there and not seen. */
export async function weights(image: Image, layer: number | undefined, isWasted: boolean): Promise<Weight[]> {
  const decoding = decodingOf(image);
  if (isWasted) return (await (await decoding.whole()).waste(MOST_WASTED)).paths;
  const found: Weight[] = [];
  if (layer === undefined) {
    for (const { path, sameAs, size } of await decoding.nodes()) if (size && sameAs === undefined) found.push({ path, bytes: size });
  } else {
    for await (const { path, sizeAfter } of (await decoding.whole()).diff(layer)) if (sizeAfter > 0) found.push({ path, bytes: sizeAfter });
  }
  return found;
}

/** What is in a directory, the largest first. */
export function partsOf(weights: Weight[], directory: string): Part[] {
  const parts = new Map<string, Part>();
  const before = directory === "" ? "" : `${directory}/`;
  for (const weight of weights) {
    const { bytes, path } = weight;
    if (bytes <= 0 || !path.startsWith(before)) continue;
    const end = path.indexOf("/", before.length);
    const name = path.slice(before.length, end < 0 ? undefined : end);
    let part = parts.get(name);
    if (!part) parts.set(name, (part = { path: before + name, name, bytes: 0, weights: [], isDirectory: false }));
    part.bytes += bytes;
    part.weights.push(weight);
    part.isDirectory ||= end >= 0;
  }
  return [...parts.values()].sort((a, b) => b.bytes - a.bytes);
}
