/**
 * A stream of values over a `MessagePort`, which the receiver paces: the sender has so many credits, and gets one more for
 * every value that was taken. The stream ends with a result or an error.
 */
import { PortolanError } from "./error.js";
import { following } from "./signal.js";

type Down<T, R> = { value: T } | { result: R } | { failure: Failure };
type Up = { more: number } | { stop: true };

interface Failure {
  code: string | undefined;
  message: string;
}

/** How many values may be under way. */
const WINDOW = 4;

/** What {@link send} does beside sending. */
export interface Sending<T> {
  /** Says what of a value changes hands. */
  transfer?: (value: T) => Transferable[];
  signal?: AbortSignal | undefined;
}

/**
 * Sends what a generator yields, and then what it returns. The generator is given a signal that ends it when the receiver
 * has gone, or with the sender's own.
 */
export async function send<T, R>(
  port: MessagePort,
  generator: (signal: AbortSignal) => AsyncGenerator<T, R>,
  { transfer = () => [], signal }: Sending<T> = {},
): Promise<void> {
  const { stop, unfollow } = following(signal);
  let credits = 0;
  let wake = () => {};
  stop.signal.addEventListener("abort", () => wake());
  port.onmessage = ({ data }: MessageEvent<Up>) => {
    if ("more" in data) credits += data.more;
    else stop.abort();
    wake();
  };
  const say = (message: Down<T, R>, moved: Transferable[] = []) => port.postMessage(message, moved);
  try {
    const values = generator(stop.signal);
    for (;;) {
      while (credits === 0 && !stop.signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
      if (stop.signal.aborted) {
        await values.return(undefined as never);
        throw stop.signal.reason;
      }
      const { done, value } = await values.next();
      if (done) {
        say({ result: value });
        return;
      }
      credits -= 1;
      say({ value }, transfer(value));
    }
  } catch (error) {
    const code = error instanceof PortolanError ? error.code : undefined;
    say({ failure: { code, message: error instanceof Error ? error.message : String(error) } });
  } finally {
    unfollow();
    // A port that is closed at once takes what was just said with it in some engines; the receiver closes.
    port.onmessage = null;
  }
}

/** What {@link receive} listens to beside its port. */
export interface Listening {
  signal?: AbortSignal | undefined;
  /** Called with a function that makes the stream fail, such as when the sender's thread dies; answers how to stop that. */
  onLoss?: (fail: (error: unknown) => void) => () => void;
}

/** The values that the other side sends, and its result. */
export async function* receive<T, R>(port: MessagePort, { signal, onLoss }: Listening = {}): AsyncGenerator<T, R> {
  const arrived: Down<T, R>[] = [];
  let lost: { error: unknown } | undefined;
  let wake = () => {};
  port.onmessage = ({ data }: MessageEvent<Down<T, R>>) => {
    arrived.push(data);
    wake();
  };
  const lose = (error: unknown) => {
    lost ??= { error };
    wake();
  };
  const abort = () => lose(signal?.reason);
  const unlisten = onLoss?.(lose);
  signal?.addEventListener("abort", abort);
  if (signal?.aborted) abort();
  const say = (message: Up) => port.postMessage(message);
  let ended = false;
  try {
    say({ more: WINDOW });
    for (;;) {
      while (arrived.length === 0 && !lost) await new Promise<void>((resolve) => (wake = resolve));
      if (lost) throw lost.error;
      const message = arrived.shift() as Down<T, R>;
      if ("value" in message) {
        yield message.value;
        say({ more: 1 });
        continue;
      }
      ended = true;
      if ("result" in message) return message.result;
      const { code, message: text } = message.failure;
      throw code === undefined ? new Error(text) : new PortolanError(code as never, text);
    }
  } finally {
    unlisten?.();
    signal?.removeEventListener("abort", abort);
    if (!ended) say({ stop: true });
    port.onmessage = null;
    // What was said last must still arrive.
    if (ended) port.close();
    else setTimeout(() => port.close(), 0);
  }
}
