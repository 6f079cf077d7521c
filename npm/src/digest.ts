/** Digests: names of content that can be checked (`wit/digest.wit`; descriptor.md, section digests). */
import type { Instance } from "./toolkit.js";
import { attempt } from "./error.js";
import { release } from "./release.js";
import { type Descriptor, fromDescriptor, toBigInt } from "./types.js";

/** A digest that obeys the grammar. */
export interface ParsedDigest {
  algorithm: string;
  encoded: string;
  /** Whether the image-spec registers the algorithm. */
  registered: boolean;
  /** Whether it can be computed here. */
  computable: boolean;
}

export interface Digests {
  /** Parses `algorithm:encoded`. Unknown algorithms pass. Fails with `invalid-digest`. */
  parse(text: string): ParsedDigest;
  /**
   * Verifies bytes that are all there: the size, then the digest.
   * Fails with `size-mismatch`, `digest-mismatch` or `unsupported-algorithm`.
   */
  verify(descriptor: Descriptor, bytes: Uint8Array): void;
  /** The ChainIDs of DiffIDs, bottom first, one for each (config.md, section layer chainid). */
  chainIds(diffIds: string[]): string[];
  /** The digest of bytes; `sha256` unless another algorithm is named. Fails with `unsupported-algorithm`. */
  compute(bytes: Uint8Array, algorithm?: string): string;
  /** Verifies bytes that stream by, without holding them. */
  verifier(digest: string, size: number): Verifier;
}

/** A stream of bytes that is verified as it goes by. */
export interface Verifier {
  /** Takes the next bytes. Fails with `size-mismatch` at the first byte too many. */
  feed(bytes: Uint8Array): void;
  /** Ends the stream. Fails with `size-mismatch` or `digest-mismatch`. */
  finish(): void;
}

/** Bytes in parts: memory that a component needs for all of them at once is never given back. */
export function* partsOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += PART) yield bytes.subarray(start, start + PART);
}

const PART = 1 << 20;

export function over({ digest }: Instance): Digests {
  return {
    parse: (text) => attempt(() => digest.parse(text)),
    verify: (descriptor, bytes) => attempt(() => digest.verify(fromDescriptor(descriptor), bytes)),
    chainIds: (diffIds) => attempt(() => digest.chainIds(diffIds)),
    compute: (bytes, algorithm = "sha256") =>
      attempt(() => {
        const digester = digest.Digester.start(algorithm);
        try {
          for (const part of partsOf(bytes)) digester.feed(part);
          return digester.finish();
        } finally {
          release(digester);
        }
      }),
    verifier: (text, size) => {
      const verifier = attempt(() => digest.Verifier.start(text, toBigInt(size)));
      return {
        feed: (bytes) => attempt(() => verifier.feed(bytes)),
        finish: () => {
          try {
            attempt(() => verifier.finish());
          } finally {
            release(verifier);
          }
        },
      };
    },
  };
}
