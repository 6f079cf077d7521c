/** Giving up: signals that follow others, and waiting no longer than a signal allows. */

/** A controller that is aborted with any of some signals, too; `unfollow` when the work is done. */
export function following(...signals: (AbortSignal | undefined)[]): { stop: AbortController; unfollow: () => void } {
  const stop = new AbortController();
  const followed = signals.filter((signal) => signal !== undefined).map((signal) => {
    const abort = () => stop.abort(signal.reason);
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    return () => signal.removeEventListener("abort", abort);
  });
  return { stop, unfollow: () => followed.forEach((unfollow) => unfollow()) };
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

/** Lets time pass. */
export async function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await until(new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds))), signal);
  } finally {
    clearTimeout(timer);
  }
}
