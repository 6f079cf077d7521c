/** What every interface shares (`wit/types.wit`), as plain objects. */
import type * as wit from "../generated/interfaces/portolan-image-types.js";
import { PortolanError } from "./error.js";

/** What an image runs on (image-index.md, section platform). */
export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
  osVersion?: string;
  osFeatures?: string[];
}

/** Annotations of a descriptor, manifest or index, or labels of a config (annotations.md). */
export type Annotations = Record<string, string>;

/** A reference to a blob by what it contains (descriptor.md). */
export interface Descriptor {
  mediaType: string;
  /** `algorithm:encoded`. */
  digest: string;
  /** The length of the blob in bytes. */
  size: number;
  urls?: string[];
  annotations?: Annotations;
  /** The blob itself, where the descriptor embeds it. Not verified. */
  data?: Uint8Array;
  platform?: Platform;
  artifactType?: string;
}

/** Limits that differ from their defaults, by key: `{ layers: 16, "ratio": 200 }`. `toolkit().limits.defaults()` has them all. */
export type Limits = Readonly<Record<string, number>>;

/** What can be given up. */
export interface Abortable {
  /** Ends the work; it then fails with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** A 64-bit number as one of JavaScript's. */
export function toNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    throw new PortolanError("limit-exceeded", `${value} is beyond ${Number.MAX_SAFE_INTEGER}, where numbers lose digits`);
  }
  return number;
}

/** The other way. */
export function toBigInt(value: number): bigint {
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`expected a whole number, not ${value}`);
  return BigInt(value);
}

/** Removes members that are undefined, so that an absent member is absent. */
export function present<T extends object>(object: { [K in keyof T]: T[K] | undefined }): T {
  for (const key in object) if (object[key] === undefined) delete object[key];
  return object as T;
}

export function toAnnotations(annotations: wit.Annotation[]): Annotations {
  return Object.fromEntries(annotations.map(({ key, value }) => [key, value]));
}

export function toPlatform(platform: wit.Platform): Platform {
  const { os, architecture, variant, osVersion, osFeatures } = platform;
  return present({ os, architecture, variant, osVersion, osFeatures: osFeatures.length > 0 ? osFeatures : undefined });
}

export function fromPlatform(platform: Platform): wit.Platform {
  return { ...platform, osFeatures: platform.osFeatures ?? [] };
}

export function toDescriptor(descriptor: wit.Descriptor): Descriptor {
  const { mediaType, digest, size, urls, annotations, data, platform, artifactType } = descriptor;
  return present({
    mediaType,
    digest,
    size: toNumber(size),
    urls: urls.length > 0 ? urls : undefined,
    annotations: annotations.length > 0 ? toAnnotations(annotations) : undefined,
    data,
    platform: platform && toPlatform(platform),
    artifactType,
  });
}

export function fromDescriptor(descriptor: Descriptor): wit.Descriptor {
  const { mediaType, digest, size, urls, annotations, data, platform, artifactType } = descriptor;
  return {
    mediaType,
    digest,
    size: toBigInt(size),
    urls: urls ?? [],
    annotations: Object.entries(annotations ?? {}).map(([key, value]) => ({ key, value })),
    ...(data && { data }),
    ...(platform && { platform: fromPlatform(platform) }),
    ...(artifactType !== undefined && { artifactType }),
  };
}

export function fromLimits(limits: Limits | undefined): wit.Limit[] {
  return Object.entries(limits ?? {}).map(([key, value]) => ({ key, value: toBigInt(value) }));
}
