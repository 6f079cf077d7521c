/** Reading before it is asked for. */

/** How many values are held at most; it may be more by those of one batch. */
const HELD = 1 << 17;

/** A generator of batches that is read ahead, as far as what it yields can be held. */
export class ReadAhead<T, R> {
  readonly #values: AsyncGenerator<T[], R>;
  readonly #most: number;
  readonly #arrived: IteratorResult<T[], R>[] = [];
  readonly #pumped: Promise<void>;
  #failure: { error: unknown } | undefined;
  #held = 0;
  #stopped = false;
  #arrive = () => {};
  #room = () => {};

  /** Values that are not small are read one batch ahead, and no more. */
  constructor(values: AsyncGenerator<T[], R>, small: boolean) {
    this.#values = values;
    this.#most = small ? HELD : 0;
    this.#pumped = this.#pump();
  }

  async #pump(): Promise<void> {
    try {
      while (!this.#stopped) {
        const result = await this.#values.next();
        this.#arrived.push(result);
        this.#arrive();
        if (result.done) return;
        this.#held += result.value.length;
        while (this.#held > this.#most && !this.#stopped) await new Promise<void>((resolve) => (this.#room = resolve));
      }
    } catch (error) {
      this.#failure = { error };
      this.#arrive();
    }
  }

  /** The batches in their order, and the result. */
  async *take(): AsyncGenerator<T[], R> {
    for (;;) {
      const result = this.#arrived.shift();
      if (result?.done) return result.value;
      if (result) {
        yield result.value;
        this.#held -= result.value.length;
        this.#room();
      } else if (this.#failure) throw this.#failure.error;
      else await new Promise<void>((resolve) => (this.#arrive = resolve));
    }
  }

  /** Ends the reading, wherever it is. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#room();
    await this.#values.return(undefined as never).catch(() => {});
    await this.#pumped;
  }
}
