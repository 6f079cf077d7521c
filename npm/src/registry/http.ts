/** Requests with the engine's own `fetch`, and the bodies of what comes back. */
import { system } from "#system";
import type * as wit from "../../generated/interfaces/portolan-image-registry.js";
import { following, until } from "../signal.js";

/** A body that brings less than this in the time of patience is no body. */
const LEAST_BYTES = 1024;
/** A body that nobody reads is kept open for this part of the patience. Browsers have few connections, and others wait. */
const RESTING = 1 / 4;

/** Whether `fetch` is that of a page: it follows redirects unseen, does not send streams, and says little of what failed. */
export const isPage = system.request.redirect === "follow";

/** What speaks HTTP. */
export interface Http {
  fetch: typeof fetch;
  /** The longest silence on a connection, in milliseconds. */
  patience: number;
}

/** Why nothing came back. */
export class Failure {
  constructor(
    readonly reason: string,
    /** Whether trying again is no use. */
    readonly isFinal: boolean,
  ) {}
}

/** What a request is sent with. */
export interface Sent {
  body?: BodyInit | undefined;
  /** The length of a stream, where it is known. */
  length?: number | undefined;
}

/** Sends a request and answers what comes back. Throws a {@link Failure} when nothing does. */
export async function send(http: Http, request: wit.Request, { body, length }: Sent, signal: AbortSignal | undefined): Promise<Answer> {
  const headers = new Headers();
  for (const { name, value } of request.headers) {
    try {
      headers.append(name, value);
    } catch {
      throw new Failure(`${name} cannot be a header`, true);
    }
  }
  if (!isPage) {
    // The bytes of a blob are those that have the digest. A page cannot ask for that.
    headers.set("Accept-Encoding", "identity");
    if (length !== undefined) headers.set("Content-Length", String(length));
  }
  const isStream = body instanceof ReadableStream;
  // All that is posted as it stands is a secret, for a token server: where redirects are followed unseen, it must meet none.
  const isSecret = request.method === "post" && request.body.tag === "bytes";
  const { stop, unfollow } = following(signal);
  const init = {
    ...system.request,
    ...(isPage && isSecret && { redirect: "error" as const }),
    method: request.method.toUpperCase(),
    headers,
    signal: stop.signal,
    ...(body !== undefined && { body }),
    ...(isStream && { duplex: "half" }),
  };
  // How long it takes to send a blob, nobody knows.
  const timer = request.body.tag === "blob" || request.body.tag === "stream" ? undefined : silence(stop, http.patience);
  try {
    const sending = http.fetch(request.url, init);
    sending.then((response) => stop.signal.aborted && void response.body?.cancel().catch(() => {}), () => {});
    return new Answer(await until(sending, stop.signal), stop, unfollow, http.patience);
  } catch (error) {
    unfollow();
    throw failure(error, stop.signal);
  } finally {
    clearTimeout(timer);
  }
}

function silence(stop: AbortController, patience: number) {
  return setTimeout(() => stop.abort(new Failure(`nothing came for ${patience / 1000} s`, false)), patience);
}

/** What an error of `fetch` means; or the reason of whoever gave up. */
function failure(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (isPage) {
    // No page is told which of these it was.
    const reason = error instanceof Error ? error.message : String(error);
    return new Failure(`${reason}: it cannot be reached, or does not let pages of other origins read its answers (CORS)`, false);
  }
  // The innermost cause tells what happened.
  let cause = error as { message?: string; code?: string; cause?: unknown; errors?: unknown[] };
  for (let deeper = cause; deeper; deeper = (deeper.cause ?? deeper.errors?.[0]) as typeof cause) cause = deeper;
  const reason = cause.message || cause.code || String(cause);
  // A certificate that is wrong now is wrong in a second, and a name that nobody has is had by nobody then.
  return new Failure(reason, /certificate/i.test(reason) || cause.code === "ENOTFOUND");
}

/** The head of an answer, and its body as it comes. */
export class Answer {
  readonly head: wit.Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #stop: AbortController;
  readonly #unfollow: () => void;
  readonly #patience: number;
  #since = performance.now();
  #bytes = 0;
  #resting: ReturnType<typeof setTimeout> | undefined;

  constructor(response: Response, stop: AbortController, unfollow: () => void, patience: number) {
    const headers: wit.Header[] = [];
    response.headers.forEach((value, name) => {
      // Repeated headers come as one. What holds quoted text is taken apart here.
      const values = name === "warning" ? value.split(/, *(?=\d{3} )/) : [value];
      headers.push(...values.map((value) => ({ name, value })));
    });
    const url = isPage && response.redirected ? response.url : undefined;
    this.head = { status: response.status, headers, ...(url !== undefined && { url }) };
    this.#reader = response.body?.getReader();
    this.#stop = stop;
    this.#unfollow = unfollow;
    this.#patience = patience;
  }

  /** The next bytes of the body; nothing at its end. Throws a {@link Failure} where it breaks off. */
  async chunk(): Promise<Uint8Array | undefined> {
    if (!this.#reader) return undefined;
    if (this.#resting !== undefined) {
      clearTimeout(this.#resting);
      this.#resting = undefined;
      this.#since = performance.now();
      this.#bytes = 0;
    }
    const timer = silence(this.#stop, this.#patience);
    try {
      const { done, value } = await until(this.#reader.read(), this.#stop.signal);
      if (done) return undefined;
      this.#took(value.length);
      return value;
    } catch (error) {
      throw error instanceof Failure ? error : failure(error, this.#stop.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sees to it that the body does not drip. */
  #took(bytes: number): void {
    const now = performance.now();
    this.#bytes += bytes;
    if (this.#bytes >= LEAST_BYTES) {
      this.#bytes = 0;
      this.#since = now;
    } else if (now - this.#since > this.#patience) {
      throw new Failure(`${this.#bytes} bytes in ${Math.round((now - this.#since) / 1000)} s`, false);
    }
  }

  /** The whole body, at most one byte more than `most`. */
  async read(most: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let length = 0;
    while (length <= most) {
      const chunk = await this.chunk();
      if (!chunk) break;
      const part = chunk.subarray(0, most + 1 - length);
      parts.push(part);
      length += part.length;
    }
    const bytes = new Uint8Array(length);
    let offset = 0;
    for (const part of parts) {
      bytes.set(part, offset);
      offset += part.length;
    }
    return bytes;
  }

  /** Whoever reads has something else to do, until {@link chunk}: after a while the connection is let go. */
  rest(): void {
    this.#resting = setTimeout(() => this.#stop.abort(new Failure("nobody read on", false)), this.#patience * RESTING);
    // Nobody waits for that.
    (this.#resting as unknown as { unref?(): void }).unref?.();
  }

  /** Ends the answer, whatever is left of it. */
  drop(): void {
    clearTimeout(this.#resting);
    this.#unfollow();
    this.#reader?.cancel().catch(() => {});
  }
}
