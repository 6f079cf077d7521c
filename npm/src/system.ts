/** What engines differ in. One file each in `system/`, chosen by the conditions of the import `#system`. */
import type { Algorithm, Hash } from "../generated/interfaces/portolan-image-hasher.js";
import type { CredentialHelper } from "../generated/interfaces/portolan-image-credentials.js";
import type { Credentials } from "./credentials.js";
import type { Source } from "./source.js";
import type { Bytes } from "./source/bytes.js";
import type { Rootfs } from "./unpack.js";
import type { Limits, Platform } from "./types.js";

/** The arithmetic that the toolkit borrows (`wit/hasher.wit`). */
export interface Hasher {
  Hash: new (algorithm: Algorithm) => Hash;
  crc32(crc: number, bytes: Uint8Array): number;
}

/** A worker that has begun, with the port to talk to it. */
export interface Begun {
  port: MessagePort;
  /** Whether the process waits for the worker. */
  hold(held: boolean): void;
  terminate(): void;
  /** Calls back when the worker fails to start or dies. */
  onFailure(failed: (error: unknown) => void): void;
}

export interface System {
  /** Compiles one of the core modules in `generated/`; in a browser the one that is there, if that is said. */
  compile(name: string, at?: () => URL): Promise<WebAssembly.Module>;
  hasher(): Promise<Hasher>;
  /** The platform of this machine, whose names may still be aliases. */
  platform(): Platform;
  /** How many threads are worth while. */
  parallelism(): number;
  /** Lets others have the thread, when it was long held. */
  breathe?(): Promise<void>;
  /** Copies a stream aside, so that it can be read at any offset. Fails with `limit-exceeded` beyond so many bytes. */
  spool(chunks: AsyncIterable<Uint8Array>, most: number, signal?: AbortSignal): Promise<Bytes>;
  /** How requests are made: without anything of the engine's own, and without following redirects where that can be had. */
  request: RequestInit;
  /** What this machine knows of a registry, where there are places to look. */
  credentials?(read: CredentialReader): Promise<Credentials | undefined>;
  gunzip(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  beginWorker?(): Begun;
  /** Calls back with the port of whoever began this worker, in a worker. */
  onPort?(serve: (port: MessagePort) => void): void;
  /** Files by their paths, where there are any. */
  files?: Files;
  /** Carries out what unpacking asks for, where there is a file system. */
  rootfs?(directory: string): Promise<Rootfs>;
}

/** Reads, for one registry, what is found where credentials are kept. */
export interface CredentialReader {
  file(bytes: Uint8Array, path: string): Credentials | CredentialHelper | undefined;
  answer(bytes: Uint8Array): Credentials | undefined;
}

export interface Files {
  fromUrl(url: URL): string;
  kindOf(path: string): Promise<"file" | "directory" | undefined>;
  open(path: string): Promise<Bytes>;
  layout(path: string, limits?: Limits): Promise<Source>;
  /** A part of a file that another thread knows by its path. */
  openPart(path: string, offset: number, length: number): Promise<{ stream: AsyncIterable<Uint8Array>; close(): Promise<void> }>;
}
