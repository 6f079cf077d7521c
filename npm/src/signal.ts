/** Giving up: signals that follow others, and waiting no longer than a signal allows. */

/** A controller that is aborted with a signal, too; `unfollow` when the work is done. */
export function following(signal: AbortSignal | undefined): { stop: AbortController; unfollow: () => void } {
  const stop = new AbortController();
  const abort = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", abort);
  if (signal?.aborted) abort();
  return { stop, unfollow: () => signal?.removeEventListener("abort", abort) };
}

/** What a promise gives, or the signal's reason when that comes first. Whatever the promise gives then is passed over. */
export async function until<T>(promise: T | PromiseLike<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
