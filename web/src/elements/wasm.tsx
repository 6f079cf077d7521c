/** What a file of WebAssembly says of itself: what it needs, what it offers, and where its bytes are. */
import { type WasmInfo, inspectWasm } from "portolan/wasm";
import { counted, shown, size } from "../text.ts";
import Code from "./code.tsx";
import { Facts } from "./facts.tsx";
import { Loading, useAwaited } from "./loading.tsx";
import { Table } from "./table.tsx";

/** How much of each list is shown. */
const MOST = 500;

export default function Wasm({ of }: { of: (signal: AbortSignal) => Promise<Uint8Array> }) {
  const info = useAwaited(async (signal) => inspectWasm(await of(signal)), [of]);
  return <Loading of={info} what="Reading the WebAssembly">{(info) => <Shown {...info} />}</Loading>;
}

function Shown({ exports, imports, kind, producers, sections, size: bytes, wasi, world }: WasmInfo) {
  const largest = Math.max(1, ...sections.map((section) => section.size));
  return (
    <>
      <Facts
        of={[
          ["Kind", kind],
          ["Size", <span title={`${bytes} bytes`}>{size(bytes)}</span>],
          ["WASI", shown(wasi.join(", "))],
          ["Made by", producers.length > 0 && producers.map(({ name, version }) => shown(`${name} ${version}`.trim())).join(", "), producers.length > 1],
        ]}
      />
      <Names title="Imports" none="It needs nothing." of={imports} />
      <Names title="Exports" none="It offers nothing." of={exports} />
      {world !== undefined && (
        <section>
          <h3>World</h3>
          <Code path="world.wit" text={world} />
        </section>
      )}
      <section>
        <h3>Sections</h3>
        <Table caption="Sections" heads={["Section", "Size"]}>
          {sections.toSorted((a, b) => b.size - a.size).slice(0, MOST).map((section, at) => (
            <tr key={at}>
              <td class="wrap"><code>{shown(section.name)}</code></td>
              <td class="number"><span class="bar" aria-hidden="true"><span style={{ width: `${(100 * section.size) / largest}%` }} /></span>{size(section.size)}</td>
            </tr>
          ))}
        </Table>
        {sections.length > MOST && <p class="note">And {counted(sections.length - MOST, "smaller one")}.</p>}
      </section>
    </>
  );
}

function Names({ none, of, title }: { none: string; of: string[]; title: string }) {
  return (
    <section>
      <h3>{title}</h3>
      {of.length === 0 ? <p class="note">{none}</p> : <ul class="plain" aria-label={title}>{of.slice(0, MOST).map((name, at) => <li key={at}><code>{shown(name)}</code></li>)}</ul>}
      {of.length > MOST && <p class="note">And {counted(of.length - MOST, "other")}.</p>}
    </section>
  );
}
