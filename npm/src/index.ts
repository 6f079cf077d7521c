/**
 * OCI images in JavaScript: parse, select, verify and read them, from files and registries, in Node, browsers and workers.
 *
 * @packageDocumentation
 */
export { PortolanError, type ErrorCode, type ImageErrorCode } from "./error.js";
export {
  type BlobOptions,
  type ChangesOptions,
  Image,
  type Layer,
  type ListOptions,
  type OpenOptions,
  type ReadOptions,
  type TreeOptions,
  type VerifyOptions,
  type Wanted,
  listImages,
  openImage,
} from "./image.js";
export type { Digests, ParsedDigest, Verifier } from "./digest.js";
export type { Change, Clear, Content, Device, Entry, Kind, Metadata, Remove, Summary, Timestamp, Xattr } from "./layer.js";
export type { LimitKeys } from "./limits.js";
export type {
  Config,
  Documents,
  Finding,
  History,
  Index,
  Listed,
  Manifest,
  PlacedAnnotation,
  Verified,
} from "./manifest.js";
export { pathBytes, pathOf } from "./path.js";
export type { Platforms } from "./platform.js";
export { type WorkerPool, createWorkerPool } from "./pool.js";
export type { Candidate, ImageReference, Location, Name, References, Selector } from "./reference.js";
export {
  type BlobReader,
  type Credentials,
  type FetchOptions,
  type How,
  type ImageName,
  type Mirror,
  type Pulled,
  type PushBlobOptions,
  type Pushed,
  Registries,
  type RegistryOptions,
  type RegistryUse,
  listTags,
  referrers,
} from "./registry.js";
export type { Mapping, Runtime, RuntimeConfig, RuntimeInputs } from "./runtime.js";
export type { BlobSource, BytesLike, ImageSource, Range } from "./source.js";
export { type Toolkit, toolkit } from "./toolkit.js";
export { type Difference, type DirectorySize, type LayerSize, type Node, Tree, type Waste } from "./tree.js";
export type { Abortable, Annotations, Descriptor, Limits, Platform } from "./types.js";
export { type UnpackOptions, type Unpacked, unpack } from "./unpack.js";
export type { WasmForm, Workload, Workloads } from "./workload.js";
