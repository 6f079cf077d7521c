/** Generators that return a result when they end. Whoever leaves one in the middle leaves nothing open. */

/** Goes through all of one, and answers its result. */
export async function drained<T, R>(values: AsyncGenerator<T, R>, each?: (value: T) => void): Promise<R> {
  try {
    for (;;) {
      const { done, value } = await values.next();
      if (done) return value;
      each?.(value);
    }
  } finally {
    await values.return(undefined as never);
  }
}

/** What each of its values gives, in turn, and its result. */
export async function* mapped<T, U, R>(values: AsyncGenerator<T, R>, map: (value: T) => Iterable<U>): AsyncGenerator<U, R> {
  try {
    for (;;) {
      const { done, value } = await values.next();
      if (done) return value;
      yield* map(value);
    }
  } finally {
    await values.return(undefined as never);
  }
}
