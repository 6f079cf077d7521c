/** Hashing with the engine's own OpenSSL and zlib, and with the component for what they lack. */
import { type Hash as OpenSslHash, createHash, getHashes } from "node:crypto";
import * as zlib from "node:zlib";
import type { Algorithm, Hash } from "../../generated/interfaces/portolan-image-hasher.js";
import { hasherOf } from "../hasher.js";
import type { Hasher } from "../system.js";

/** A hasher whose SHA-2 is the engine's; BLAKE3 is not in OpenSSL. The component is loaded when it is first needed. */
export function nodeHasher(compile: (name: string) => WebAssembly.Module): Hasher {
  const known = new Set(getHashes());
  let loaded: Hasher | undefined;
  const component = () => (loaded ??= hasherOf(compile));

  class Digest implements Hash {
    readonly #theirs: OpenSslHash | undefined;
    readonly #ours: Hash | undefined;
    readonly #algorithm: Algorithm;

    constructor(algorithm: Algorithm, from?: Digest) {
      if (from) {
        this.#theirs = from.#theirs?.copy();
        this.#ours = from.#ours?.duplicate();
      } else if (known.has(algorithm)) this.#theirs = createHash(algorithm);
      else this.#ours = new (component().Hash)(algorithm);
      this.#algorithm = algorithm;
    }

    update(bytes: Uint8Array): void {
      if (this.#theirs) this.#theirs.update(bytes);
      else this.#ours?.update(bytes);
    }

    duplicate(): Digest {
      return new Digest(this.#algorithm, this);
    }

    finish(): Uint8Array {
      return this.#theirs ? this.#theirs.digest() : (this.#ours as Hash).finish();
    }
  }

  // zlib's answer for no bytes is the sum of nothing, not the sum so far. Node has it since 20.15.
  const crc32 = (crc: number, bytes: Uint8Array) => (bytes.length === 0 ? crc : zlib.crc32(bytes, crc));
  return { Hash: Digest, crc32: typeof zlib.crc32 === "function" ? crc32 : (crc, bytes) => component().crc32(crc, bytes) };
}
