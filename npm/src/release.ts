/// <reference lib="esnext.disposable" preserve="true" />
/** Resources of a component are freed at once where we know that they are done with, and by their finaliser otherwise. */
const dispose: symbol = Symbol.dispose ?? Symbol.for("dispose");

export function release(resource: object): void {
  (resource as Record<symbol, (() => void) | undefined>)[dispose]?.();
}

/** `Symbol.asyncDispose`, also where it is not known yet. */
export const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? (Symbol.for("Symbol.asyncDispose") as never);
