/** Every byte that the image refers to, read and compared with what was promised. */
import type { Finding, Verified } from "portolan";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ViewProps } from "../app.tsx";
import { Digest } from "../elements/digest.tsx";
import { Failure } from "../elements/loading.tsx";
import { Table } from "../elements/table.tsx";
import { counted, shown, size } from "../text.ts";

interface Run {
  blobs: [digest: string, read: number, size: number][];
  findings: Finding[];
  result?: Verified;
  error?: unknown;
}

export function Verify({ image }: ViewProps) {
  const [run, change] = useState<Run>();
  const stop = useRef<AbortController>(null);
  useEffect(() => {
    change(undefined);
    return () => stop.current?.abort();
  }, [image]);
  const begin = async () => {
    const controller = new AbortController();
    stop.current = controller;
    const blobs = new Map<string, [string, number, number]>();
    const findings: Finding[] = [];
    const tell = (more: Partial<Run> = {}) => controller.signal.aborted || change({ blobs: [...blobs.values()], findings: [...findings], ...more });
    let told = 0;
    tell();
    try {
      const verification = image.verify({
        signal: controller.signal,
        onProgress: ({ digest, read, size }) => {
          blobs.set(digest, [digest, (blobs.get(digest)?.[1] ?? 0) + read, size]);
          // No more often than a person can see.
          if (performance.now() - told < 50) return;
          told = performance.now();
          tell();
        },
      });
      let step = await verification.next();
      for (; !step.done; step = await verification.next()) {
        findings.push(step.value);
        tell();
      }
      tell({ result: step.value });
    } catch (error) {
      tell({ error });
    }
  };
  const isRunning = run && !run.result && run.error === undefined;
  return (
    <>
      <h1>Verify</h1>
      <p>All documents and layers are read to their ends; sizes, digests and DiffIDs are compared.</p>
      <p><button type="button" disabled={Boolean(isRunning)} onClick={() => void begin()}>{run ? "Verify again" : "Verify this image"}</button></p>
      {run?.result && <Verdict result={run.result} />}
      {run?.error !== undefined && <Failure error={run.error} />}
      {run && run.findings.length > 0 && (
        <section>
          <h2>What is wrong or odd</h2>
          <Table caption="What is wrong or odd" heads={["What", "Message", "Place"]}>
            {run.findings.map(({ code, message, place, severity }, at) => (
              <tr key={at} class={severity}>
                <td>{severity}: {code}</td>
                <td class="wrap">{shown(message)}</td>
                <td class="wrap"><code>{shown(place)}</code></td>
              </tr>
            ))}
          </Table>
        </section>
      )}
      {run && run.blobs.length > 0 && (
        <section>
          <h2>Blobs</h2>
          <Table caption="Blobs" heads={["Digest", "Read", "Size"]}>
            {run.blobs.map(([digest, read, whole]) => (
              <tr key={digest}>
                <td><Digest of={digest} /></td>
                <td><progress max={Math.max(1, whole)} value={whole === 0 ? 1 : read} aria-label={`read of ${digest}`} /></td>
                <td class="number">{size(whole)}</td>
              </tr>
            ))}
          </Table>
        </section>
      )}
    </>
  );
}

function Verdict({ result: { blobs, bytes, documents, errors, layers, warnings } }: { result: Verified }) {
  const read = `${counted(documents, "document")}, ${counted(layers, "layer")} and ${counted(blobs, "other blob")}, ${size(bytes)} in all`;
  return (
    <p class={`verdict ${errors > 0 ? "wrong" : "right"}`} role="status">
      {errors > 0 ? `Wrong: ${counted(errors, "failure")}.` : "All is as it was promised."} Read: {read}. {warnings > 0 && `${counted(warnings, "warning")}.`}
    </p>
  );
}
