/** What changes a registry: pushing to it and deleting there (`wit/push.wit`). */
import type { BlobPush } from "../generated/interfaces/portolan-image-push.js";
import type { Client, Job, Repository } from "../generated/interfaces/portolan-image-registry.js";
import type { Selector } from "./reference.js";
import type { Instance } from "./toolkit.js";
import { type Abortable, type Descriptor, fromDescriptor, present, toBigInt } from "./types.js";

/** How a blob came into a repository: it was there, the registry took it from another repository, or its bytes were sent. */
export type How = "present" | "mounted" | "uploaded";

/** What came of pushing a blob. */
export interface Pushed {
  how: How;
  digest: string;
}

export interface PushBlobOptions extends Abortable {
  /** Other repositories of the same registry that may have it, best first, such as `library/busybox`. */
  mountFrom?: string[];
  /** Bytes of a chunk; nothing sends the blob in one piece. */
  chunk?: number;
}

/** Begins a job of a client. */
export type Make = (client: Client, to: Instance["push"]) => Job;

export function blob(repository: Repository, descriptor: Descriptor, { mountFrom = [], chunk }: PushBlobOptions): Make {
  const push = present<BlobPush>({ mountFrom, chunk: chunk === undefined ? undefined : toBigInt(chunk) });
  return (client, to) => to.blob(client, repository, fromDescriptor(descriptor), push);
}

export function stream(repository: Repository): Make {
  return (client, to) => to.stream(client, repository);
}

export function manifest(repository: Repository, descriptor: Descriptor, bytes: Uint8Array, tags: string[]): Make {
  return (client, to) => to.manifest(client, repository, fromDescriptor(descriptor), bytes, tags);
}

export function deleteManifest(repository: Repository, selector: Selector): Make {
  return (client, to) => to.deleteManifest(client, repository, selector);
}

export function deleteBlob(repository: Repository, digest: string): Make {
  return (client, to) => to.deleteBlob(client, repository, digest);
}
