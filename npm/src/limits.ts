/** How much of anything an image may ask for (`wit/limits.wit`). */
import type { Instance } from "./toolkit.js";
import { attempt } from "./error.js";
import { type Limits, toNumber } from "./types.js";

export interface LimitKeys {
  /** Every limit with its default value. */
  defaults(): Record<string, number>;
  /** Parses `KEY=VALUE,...`, where a value may end with K, M, G or T (powers of 1024). Fails with `invalid-document`. */
  parse(text: string): Limits;
}

export function over({ limits }: Instance): LimitKeys {
  const plain = (list: { key: string; value: bigint }[]) =>
    Object.fromEntries(list.map(({ key, value }) => [key, Number.isSafeInteger(Number(value)) ? toNumber(value) : Number.MAX_SAFE_INTEGER]));
  return {
    defaults: () => plain(limits.defaults()),
    parse: (text) => attempt(() => plain(limits.parse(text))),
  };
}
