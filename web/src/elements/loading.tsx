/** What is awaited, and what to do when it does not come. */
import { PortolanError } from "portolan";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { shown } from "../text.ts";

export type Awaited<T> = { state: "waiting" } | { state: "there"; value: T } | { state: "failed"; error: unknown };

/** Awaits something again whenever what it depends on changes. What was awaited before is given up. */
export function useAwaited<T>(begin: (signal: AbortSignal) => Promise<T>, inputs: unknown[]): Awaited<T> {
  const [awaited, change] = useState<{ inputs: unknown[]; now: Awaited<T> }>({ inputs, now: { state: "waiting" } });
  useEffect(() => {
    const stop = new AbortController();
    const tell = (now: Awaited<T>) => stop.signal.aborted || change({ inputs, now });
    tell({ state: "waiting" });
    begin(stop.signal).then((value) => tell({ state: "there", value }), (error: unknown) => tell({ state: "failed", error }));
    return () => stop.abort();
  }, inputs);
  // What was there for other inputs is not shown for these, not even for a moment.
  return awaited.inputs.every((input, at) => input === inputs[at]) ? awaited.now : { state: "waiting" };
}

/** Shows what is there, or that it is awaited, or why it is not. */
export function Loading<T>({ of, what, children }: { of: Awaited<T>; what: string; children: (value: T) => ComponentChildren }) {
  if (of.state === "there") return <>{children(of.value)}</>;
  if (of.state === "failed") return <Failure error={of.error} />;
  return <p class="waiting" role="status">{what}…</p>;
}

/** What can be done about an error, by its code. */
const ADVICE: Partial<Record<string, string>> = {
  "invalid-source": "Open an archive as docker save or any OCI tool writes it, a layout, a layer, or a manifest.",
  "invalid-archive": "Open an archive as docker save or any OCI tool writes it. If it should be one, get it again: it is damaged.",
  "blob-not-found": "The image is not complete here. Where it came from may still have the rest.",
  "digest-mismatch": "The bytes are not those that the image names. Get the image again; verify lists all that is wrong.",
  "size-mismatch": "The bytes are not those that the image names. Get the image again; verify lists all that is wrong.",
  "diff-id-mismatch": "The layer is not the one that its config describes. Verify lists all that is wrong.",
  "registry-unreachable": "Most registries let no page of another origin read them: start portolan serve --explorer, which asks them for this page, or open the image as a file.",
  unauthorized: "The registry wants to know who asks: portolan serve --explorer asks with the credentials of your machine.",
  "reference-not-found": "Look for a typing error in the name, tag or digest.",
  "limit-exceeded": "The image asks for more than is given by default. The command line lets you raise the limit.",
};

export function Failure({ error }: { error: unknown }) {
  const code = error instanceof PortolanError ? error.code : "defect";
  const message = error instanceof Error ? error.message : String(error);
  return (
    <div class="failure" role="alert">
      <h2>This cannot be shown</h2>
      <p class="message">{shown(message)}</p>
      {ADVICE[code] && <p>{ADVICE[code]}</p>}
      <p class="note">{code}</p>
      <p><a href="#/">Open something else</a></p>
    </div>
  );
}
