/** Which WebAssembly an image holds, and how it is called (`wit/workload.wit`). */
import type { Recognizer, Workload as Recognized } from "../generated/interfaces/portolan-image-workload.js";
import { PortolanError, attempt } from "./error.js";
import type { Image } from "./image.js";
import { pathOf } from "./path.js";
import { host } from "./platform.js";
import { release } from "./release.js";
import { until } from "./signal.js";
import { limitOf, readWhole, streamed } from "./source.js";
import { type Instance, instance } from "./toolkit.js";
import { type Abortable, type Descriptor, type Limits, type Platform, fromLimits, fromPlatform, present, toDescriptor, toPlatform } from "./types.js";

/** The form in which WebAssembly was packaged. */
export type WasmForm =
  /** The artifact of CNCF's TAG Runtime. */
  | "artifact"
  /** A layer of a WebAssembly type, in an image as older runwasi writes it or under any other config. */
  | "wasm-layer"
  /** A Spin application. */
  | "spin"
  /** An artifact of wasm-to-oci. */
  | "wasm-to-oci"
  /** An artifact of Solo and Istio. */
  | "module-artifact"
  /** An image with the file `plugin.wasm`, which Istio calls compat. */
  | "compat"
  /** A container image whose entry point is WebAssembly. */
  | "container";

/** The WebAssembly of an image, and how it is called. */
export interface Workload {
  form: WasmForm;
  /** What its first bytes say; a WIT package is a component as well, and `inspectWasm` of `portolan/wasm` tells. */
  kind: "module" | "component";
  /** The blob that it is; absent where it is a file in the layers. */
  descriptor?: Descriptor;
  /** The file in the layers that it is. */
  path?: string;
  /** The command line: the program's name, then its arguments. */
  args: string[];
  /** Variables as `NAME=value`. */
  env: string[];
  workingDir?: string;
  /** Whether the layers of the image are the file system of the program. */
  rootfs: boolean;
  /** Files beside that: where the program sees them, and their contents. */
  files: { path: string; content: Descriptor }[];
  /** What is odd and does no harm. */
  warnings: string[];
  /** Its bytes, verified. Fails with `limit-exceeded` for `wasm-bytes`, or with what is wrong with the blob or layer. */
  bytes(options?: Abortable): Promise<Uint8Array>;
}

export interface Workloads {
  /**
   * The platforms to want of an index whose image is to be run as WebAssembly, best first: those of WebAssembly, then the machine's
   * own.
   */
  platforms(machine?: Platform): Platform[];
}

export function over({ workload }: Instance): Workloads {
  return { platforms: (machine = host()) => attempt(() => workload.platforms(fromPlatform(machine)).map(toPlatform)) };
}

/** What finding the WebAssembly of an image takes beside the image. */
interface Search {
  limits: Limits | undefined;
  signal: AbortSignal | undefined;
  /** The first bytes of a blob, not verified; nothing when it is not there. */
  head(descriptor: Descriptor, most: number): Promise<Uint8Array | undefined>;
}

/** Finds the WebAssembly of an image; nothing when it holds none. */
export async function workloadOf(image: Image, search: Search): Promise<Workload | undefined> {
  const { workload } = await instance();
  const { limits } = search;
  const recognizer = attempt(() => workload.Recognizer.start(image.rawManifest, image.descriptor.mediaType, image.rawConfig, {}, fromLimits(limits)));
  let found: Recognized;
  try {
    await answer(image, recognizer, search);
    found = attempt(() => recognizer.finish());
  } catch (error) {
    if (error instanceof PortolanError && error.code === "invalid-workload") return undefined;
    throw error;
  } finally {
    release(recognizer);
  }
  const { form, kind, place, args, env, workingDir, rootfs, files, warnings } = found;
  const descriptor = place.tag === "blob" ? toDescriptor(place.val) : undefined;
  const path = place.tag === "file" ? pathOf(place.val) : undefined;
  const bytes = async ({ signal }: Abortable = {}) => {
    const most = await limitOf("wasm-bytes", limits);
    const bytes = descriptor ? await image.blob(descriptor, { most, signal }) : await wholeFile(image, path as string, most, signal);
    attempt(() => workload.confirm(bytes.subarray(0, HEAD), kind));
    return bytes;
  };
  const contents = files.map(({ path, content }) => ({ path, content: toDescriptor(content) }));
  return present<Workload>({ form, kind, descriptor, path, args, env, workingDir, rootfs, files: contents, warnings, bytes });
}

/** How many bytes tell what a file is. */
const HEAD = 8;

/** Answers what the recognizer asks. */
async function answer(image: Image, recognizer: Recognizer, { limits, signal, head }: Search): Promise<void> {
  const most = await limitOf("config-bytes", limits);
  for (let need = recognizer.next(); need; need = recognizer.next()) {
    let bytes: Uint8Array | undefined;
    if (need.tag === "document") bytes = await image.blob(toDescriptor(need.val), { most, signal });
    else if (need.tag === "blob-head") bytes = await head(toDescriptor(need.val), HEAD);
    else {
      const found = await file(image, pathOf(need.val), signal);
      bytes = found && (await readWhole(streamed(image.readEntry(found.source, { verify: false, signal })), HEAD));
    }
    attempt(() => recognizer.supply(bytes));
  }
}

/** Where a file of the merged tree has its content, and how long it is; nothing when the path leads to none. */
async function file(image: Image, path: string, signal: AbortSignal | undefined) {
  const tree = await image.tree({ signal });
  try {
    const { kind, source, size = 0 } = await until(tree.resolve(path), signal);
    return kind === "file" && source ? { source, size } : undefined;
  } catch (error) {
    if (error instanceof PortolanError && error.code === "path-not-found") return undefined;
    throw error;
  }
}

async function wholeFile(image: Image, path: string, most: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const found = await file(image, path, signal);
  if (!found) throw new PortolanError("path-not-found", `${path} is not there, or no file`);
  const { source, size } = found;
  if (size > most) throw new PortolanError("limit-exceeded", `${path} of ${size} bytes exceeds the limit of ${most} bytes; raise wasm-bytes to allow it`);
  return readWhole(streamed(image.readEntry(source, { signal })), size);
}
