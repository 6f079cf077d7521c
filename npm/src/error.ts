import type { ErrorCode as WitErrorCode } from "../generated/interfaces/portolan-image-types.js";

/** What can be wrong with an image, or with what is asked of it: the codes of `wit/types.wit`. */
export type ImageErrorCode =
  | "invalid-digest"
  | "unsupported-algorithm"
  | "digest-mismatch"
  | "size-mismatch"
  | "diff-id-mismatch"
  | "invalid-document"
  | "ambiguous-document"
  | "unsupported-media-type"
  | "invalid-reference"
  | "reference-not-found"
  | "invalid-platform"
  | "platform-not-found"
  | "invalid-archive"
  | "invalid-path"
  | "invalid-link"
  | "invalid-whiteout"
  | "invalid-compression"
  | "unsupported-compression"
  | "compression-mismatch"
  | "path-not-found"
  | "user-not-found"
  | "limit-exceeded"
  | "invalid-state"
  | "blob-not-found"
  | "unauthorized"
  | "registry-unreachable"
  | "registry-refused"
  | "invalid-response"
  | "insecure-location"
  | "invalid-workload";

/**
 * The word for an error. Those of images are the same in every language and on the command line. Three are of this package:
 * - `invalid-source`: what was given to open is no image, or cannot be read;
 * - `unsupported`: something that this engine cannot do, such as unpacking to a directory in a browser;
 * - `defect`: a component failed, which is a fault of Portolan and not of the image.
 */
export type ErrorCode = ImageErrorCode | "invalid-source" | "unsupported" | "defect";

/** Does not compile unless both have the same codes. */
const same: [WitErrorCode, ImageErrorCode] extends [ImageErrorCode, WitErrorCode] ? true : never = true;
void same;

/** What went wrong: a word to decide by, and one line for a person that names the digest or path concerned. */
export class PortolanError extends Error {
  override readonly name = "PortolanError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** What a component threw, as an error. Errors of an image are plain records there. */
export function asError(thrown: unknown): unknown {
  if (thrown instanceof Error) {
    if (typeof WebAssembly !== "undefined" && thrown instanceof WebAssembly.RuntimeError) {
      const message = "a component failed: this is a defect of portolan, not of the image";
      return new PortolanError("defect", message, { cause: thrown });
    }
    return thrown;
  }
  const { code, message } = thrown as { code: ImageErrorCode; message: string };
  return typeof code === "string" && typeof message === "string" ? new PortolanError(code, message) : thrown;
}

/** Calls a component. */
export function attempt<T>(call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    throw asError(thrown);
  }
}
