/** Documents: indexes, manifests, configs and layouts, and the way from a reference to an image (`wit/manifest.wit`). */
import type * as wit from "../generated/interfaces/portolan-image-manifest.js";
import type { Instance } from "./toolkit.js";
import { type ErrorCode, attempt } from "./error.js";
import {
  type Annotations,
  type Descriptor,
  type Limits,
  type Platform,
  fromLimits,
  present,
  toAnnotations,
  toDescriptor,
  toPlatform,
} from "./types.js";

/** An index (image-index.md) or a Docker manifest list. */
export interface Index {
  kind: "index";
  mediaType: string;
  artifactType?: string;
  manifests: Descriptor[];
  subject?: Descriptor;
  annotations: Annotations;
}

/** An image manifest (manifest.md) or a Docker manifest of schema 2. */
export interface Manifest {
  kind: "image";
  mediaType: string;
  /** Its own, or the config's media type where it has none. */
  artifactType?: string;
  config: Descriptor;
  layers: Descriptor[];
  subject?: Descriptor;
  annotations: Annotations;
}

/** One step of a build. */
export interface History {
  created?: string;
  createdBy?: string;
  author?: string;
  comment?: string;
  emptyLayer: boolean;
}

/** An image config (config.md). */
export interface Config {
  created?: string;
  author?: string;
  platform: Platform;
  user?: string;
  exposedPorts: string[];
  env: string[];
  entrypoint: string[];
  cmd: string[];
  volumes: string[];
  workingDir?: string;
  labels: Annotations;
  stopSignal?: string;
  diffIds: string[];
  history: History[];
}

/** An annotation and where it stands. */
export interface PlacedAnnotation {
  origin: "descriptor" | "index" | "manifest" | "label";
  key: string;
  value: string;
}

/** One image of an index. */
export interface Listed {
  descriptor: Descriptor;
  /** The digests of the indexes on the way, outermost first. */
  indexes: string[];
  /** From the descriptor, or from the config where the descriptor has none. */
  platform?: Platform;
  /** Whether this is an attestation and no image. */
  attestation: boolean;
  /** The digest of the image that this is an attestation of. */
  attestationOf?: string;
  /** What the index of its place calls it, or the outermost index above it. */
  name?: string;
}

/** An image that was asked for, with the way to it. */
export interface Resolved {
  /** The indexes on the way, outermost first. */
  indexes: Descriptor[];
  descriptor: Descriptor;
  /** The bytes of the manifest, as received. */
  rawManifest: Uint8Array;
  manifest: Manifest;
  /** The bytes of the config, as received; absent when its media type is not one of an image config. */
  rawConfig?: Uint8Array;
  config?: Config;
  platform?: Platform;
  annotations: PlacedAnnotation[];
}

/** One thing that is wrong (`failure`) or odd (`warning`). */
export interface Finding {
  severity: "failure" | "warning";
  code: ErrorCode;
  /** The blob concerned. */
  digest?: string;
  /** The way to it, such as `sha256:.../layers/2`. */
  place: string;
  message: string;
}

/** How much of an image was verified. */
export interface Verified {
  /** Indexes, manifests and configs. */
  documents: number;
  layers: number;
  /** Blobs of other kinds. */
  blobs: number;
  /** Bytes of all of them, as stored. */
  bytes: number;
  /** How many findings are failures. */
  errors: number;
  /** How many findings are warnings. */
  warnings: number;
  findings: Finding[];
}

export interface Documents {
  /**
   * Parses an index or manifest. `mediaType` is what the transport or a descriptor says, if anything.
   * Fails with `invalid-document`, `ambiguous-document`, `unsupported-media-type` or `limit-exceeded`.
   */
  parse(bytes: Uint8Array, options?: { mediaType?: string; limits?: Limits }): Index | Manifest;
  /** Parses an image config. Fails with `invalid-document` or `limit-exceeded`. */
  parseConfig(bytes: Uint8Array, options?: { limits?: Limits }): Config;
  /** Parses an `oci-layout` file and answers its version. Fails with `invalid-document`. */
  parseLayout(bytes: Uint8Array, options?: { limits?: Limits }): string;
}

export function over({ manifest }: Instance): Documents {
  return {
    parse: (bytes, { mediaType, limits } = {}) =>
      attempt(() => {
        const { tag, val } = manifest.parse(bytes, mediaType, fromLimits(limits));
        return tag === "index" ? toIndex(val) : toManifest(val);
      }),
    parseConfig: (bytes, { limits } = {}) => attempt(() => toConfig(manifest.parseConfig(bytes, fromLimits(limits)))),
    parseLayout: (bytes, { limits } = {}) => attempt(() => manifest.parseLayout(bytes, fromLimits(limits))),
  };
}

function toIndex({ mediaType, artifactType, manifests, subject, annotations }: wit.Index): Index {
  return present({
    kind: "index",
    mediaType,
    artifactType,
    manifests: manifests.map(toDescriptor),
    subject: subject && toDescriptor(subject),
    annotations: toAnnotations(annotations),
  });
}

function toManifest({ mediaType, artifactType, config, layers, subject, annotations }: wit.ImageManifest): Manifest {
  return present({
    kind: "image",
    mediaType,
    artifactType,
    config: toDescriptor(config),
    layers: layers.map(toDescriptor),
    subject: subject && toDescriptor(subject),
    annotations: toAnnotations(annotations),
  });
}

function toConfig(config: wit.Config): Config {
  const { platform, labels, history, ...rest } = config;
  return present({
    ...rest,
    platform: toPlatform(platform),
    labels: toAnnotations(labels),
    history: history.map((step) => present<History>({ ...step })),
  }) as Config;
}

export function toResolved(resolved: wit.Resolved): Resolved {
  const { indexes, descriptor, rawManifest, manifest, rawConfig, config, platform, annotations } = resolved;
  return present({
    indexes: indexes.map(toDescriptor),
    descriptor: toDescriptor(descriptor),
    rawManifest,
    manifest: toManifest(manifest),
    rawConfig,
    config: config && toConfig(config),
    platform: platform && toPlatform(platform),
    annotations,
  });
}

export function toListed({ descriptor, name, indexes, platform, attestation, attestationOf }: wit.Listed): Listed {
  return present({
    descriptor: toDescriptor(descriptor),
    name,
    indexes,
    platform: platform && toPlatform(platform),
    attestation,
    attestationOf,
  });
}

export function toVerified({ documents, layers, blobs, bytes, errors, warnings, findings }: wit.Verified): Verified {
  return {
    documents: Number(documents),
    layers: Number(layers),
    blobs: Number(blobs),
    bytes: Number(bytes),
    errors: Number(errors),
    warnings: Number(warnings),
    findings: findings.map((finding) => present<Finding>({ ...finding })),
  };
}
