/** Bodies that are sent: blobs that are pushed, and streams whose end nobody knows yet. */
import type * as wit from "../../generated/interfaces/portolan-image-registry.js";
import { PortolanError, attempt } from "../error.js";
import { release } from "../release.js";
import { chunksOf } from "../source/custom.js";
import type { BytesLike } from "../source.js";
import { instance } from "../toolkit.js";
import { type Descriptor, fromDescriptor, toBigInt, toNumber } from "../types.js";
import { type Sent, isPage } from "./http.js";

/** The bytes of a blob from an offset on, as often as it takes. */
export type BlobReader = (offset: number, signal?: AbortSignal) => BytesLike | Promise<BytesLike>;

/** What is pushed. */
export type Upload =
  | { descriptor: Descriptor; content: Uint8Array | Blob | BlobReader }
  | { stream: AsyncIterable<Uint8Array> | undefined; size: number };

/** A body, and what is known about it when it was sent. */
export interface Opened extends Sent {
  /** What is wrong with our own bytes: it explains more than what the registry made of it. */
  failed?: { error: unknown };
  /** The digest of a stream that was sent to its end. */
  digest?: string;
}

/** Opens the body of a request. */
export async function openBody(body: wit.Body, upload: Upload | undefined, signal: AbortSignal | undefined): Promise<Opened> {
  switch (body.tag) {
    case "none":
      return {};
    case "bytes":
      return { body: body.val as Uint8Array<ArrayBuffer> };
    case "blob": {
      if (!upload || !("content" in upload)) throw new PortolanError("invalid-state", "there is no blob to push");
      return openPart(upload, toNumber(body.val.offset), toNumber(body.val.length), signal);
    }
    case "stream":
      return openStream(upload, signal);
  }
}

async function openPart(
  { descriptor, content }: Extract<Upload, { content: unknown }>,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<Opened> {
  const { digest } = await instance();
  const end = offset + length;
  if (content instanceof Uint8Array) {
    if (offset === 0) attempt(() => digest.verify(fromDescriptor(descriptor), content));
    return { body: content.subarray(offset, end) as Uint8Array<ArrayBuffer> };
  }
  if (content instanceof Blob && isPage) {
    if (offset === 0) for await (const _ of verified(chunksOf(content, signal), descriptor)) void _;
    return { body: content.slice(offset, end) };
  }
  const from = content instanceof Blob ? content.slice(offset) : await content(offset, signal);
  const part = exactly(chunksOf(from, signal), length);
  // A part has a digest that nobody knows; the registry knows that of the whole.
  return sending(length === descriptor.size ? verified(part, descriptor) : part, { length });
}

async function openStream(upload: Upload | undefined, signal: AbortSignal | undefined): Promise<Opened> {
  const stream = upload && "stream" in upload ? upload.stream : undefined;
  if (!upload || !("stream" in upload) || !stream) throw new PortolanError("invalid-state", "a stream can be sent once");
  upload.stream = undefined;
  const { digest } = await instance();
  const opened: Opened = {};
  async function* digested(chunks: AsyncIterable<Uint8Array>, into: { size: number }): AsyncGenerator<Uint8Array, void> {
    const digester = attempt(() => digest.Digester.start("sha256"));
    try {
      for await (const chunk of chunks) {
        signal?.throwIfAborted();
        attempt(() => digester.feed(chunk));
        into.size += chunk.length;
        yield chunk;
      }
      opened.digest = attempt(() => digester.finish());
    } finally {
      release(digester);
    }
  }
  return sending(digested(stream, upload), opened);
}

/** A body of chunks: a stream, or where those cannot be sent all of it, which a browser keeps on disk when it is large. */
async function sending(chunks: AsyncGenerator<Uint8Array, void>, opened: Opened): Promise<Opened> {
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await chunks.next();
          if (done) controller.close();
          // Whoever gave it may use it again before it is on its way.
          else controller.enqueue(value.slice());
        } catch (error) {
          opened.failed = { error };
          controller.error(error);
        }
      },
      async cancel() {
        await chunks.return();
      },
    },
    { highWaterMark: 0 },
  );
  try {
    opened.body = isPage ? await new Response(stream).blob() : stream;
  } catch (error) {
    throw opened.failed?.error ?? error;
  }
  return opened;
}

/** Verifies a blob on its way. Its last bytes are held back until the whole is known to be true. */
async function* verified(chunks: AsyncIterable<Uint8Array>, { digest, size }: Descriptor): AsyncGenerator<Uint8Array, void> {
  const { digest: digests } = await instance();
  const verifier = attempt(() => digests.Verifier.start(digest, toBigInt(size)));
  try {
    let held: Uint8Array | undefined;
    for await (const chunk of chunks) {
      attempt(() => verifier.feed(chunk));
      if (held) yield held;
      held = chunk.slice();
    }
    attempt(() => verifier.finish());
    if (held) yield held;
  } finally {
    release(verifier);
  }
}

async function* exactly(chunks: AsyncIterable<Uint8Array>, length: number): AsyncGenerator<Uint8Array, void> {
  let left = length;
  for await (const chunk of chunks) {
    const part = chunk.subarray(0, left);
    left -= part.length;
    if (part.length > 0) yield part;
    if (left === 0) return;
  }
  if (left > 0) throw new PortolanError("size-mismatch", `what is to be pushed ends ${left} bytes too early`);
}
