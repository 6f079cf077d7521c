/** What others say of the image: attestations, SBOMs, signatures and whatever else refers to it. */
import type { Descriptor } from "portolan";
import { useCallback } from "preact/hooks";
import type { ViewProps } from "../app.tsx";
import { isWasm } from "../content.ts";
import { type Attached, about, attachedTo, documentOf } from "../attached.ts";
import { Digest } from "../elements/digest.tsx";
import { Facts } from "../elements/facts.tsx";
import { Hex } from "../elements/hex.tsx";
import { Json } from "../elements/json.tsx";
import { Lazy } from "../elements/lazy.tsx";
import { Loading, useAwaited } from "../elements/loading.tsx";
import { Packages } from "../elements/packages.tsx";
import { Save } from "../elements/save.tsx";
import { Table } from "../elements/table.tsx";
import { type Route, format } from "../route.ts";
import type { Said } from "../statement.ts";
import { counted, shown, size } from "../text.ts";

const HEX_BYTES = 1 << 14;
/** How many subjects and materials are shown. */
const SHOWN = 200;

export default function View({ image, route }: ViewProps) {
  const attached = useAwaited((signal) => attachedTo(image, signal), [image]);
  // What is open may be an attestation itself.
  const own = image.layers.filter(({ mediaType }) => !/[.]tar\b/.test(mediaType));
  return (
    <>
      <h1>{own.length > 0 ? "Blobs and attestations" : "Attestations"}</h1>
      <p>{own.length > 0 && "What the manifest holds itself. "}What stands beside the image or has it as its subject. Signatures are not checked here.</p>
      <Loading of={attached} what="Looking for what refers to the image">
        {(attached) => {
          const all: [string, string, Descriptor][] = [
            ...own.map((blob): [string, string, Descriptor] => ["this manifest", image.descriptor.digest, blob]),
            ...attached.flatMap(({ to, descriptor, blobs }) => blobs.map((blob): [string, string, Descriptor] => [to, descriptor.digest, blob])),
          ];
          const chosen = all.find(([, , { digest }]) => digest === route.digest)?.[2];
          const manifest = attached.find(({ descriptor }) => descriptor.digest === route.digest)?.descriptor;
          return (
            <>
              {all.length === 0 && attached.length === 0 ? <p class="note">Nothing here says anything of this image.</p> : <List all={all} attached={attached} route={route} />}
              {(chosen ?? manifest) && <Document key={route.digest} image={image} descriptor={(chosen ?? manifest) as Descriptor} route={route} />}
            </>
          );
        }}
      </Loading>
    </>
  );
}

function List({ all, attached, route }: { all: [string, string, Descriptor][]; attached: Attached[]; route: Route }) {
  const failed = attached.filter(({ error }) => error !== undefined);
  return (
    <>
      <Table caption="Attestations" heads={["What it says", "Media type", "Size", "Attached to", "By manifest"]}>
        {all.map(([to, manifest, blob], at) => (
          <tr key={at} aria-current={blob.digest === route.digest || undefined}>
            <td><a href={format({ ...route, digest: blob.digest })}>{shown(about(blob))}</a></td>
            <td>{shown(blob.mediaType)}</td>
            <td class="number">{size(blob.size)}</td>
            <td>{to}</td>
            <td><Digest of={manifest} href={format({ ...route, digest: manifest })} /></td>
          </tr>
        ))}
        {attached.filter(({ blobs, error }) => blobs.length === 0 && error === undefined).map(({ to, descriptor }) => (
          <tr key={descriptor.digest} aria-current={descriptor.digest === route.digest || undefined}>
            <td>{shown(about(descriptor))}</td>
            <td>{shown(descriptor.mediaType)}</td>
            <td class="number">{size(descriptor.size)}</td>
            <td>{to}</td>
            <td><Digest of={descriptor.digest} href={format({ ...route, digest: descriptor.digest })} /></td>
          </tr>
        ))}
      </Table>
      {failed.map(({ descriptor, error }) => <p key={descriptor.digest} class="message removed">{shown(error instanceof Error ? error.message : String(error))}</p>)}
    </>
  );
}

function Document({ image, descriptor, route }: Pick<ViewProps, "image" | "route"> & { descriptor: Descriptor }) {
  const document = useAwaited((signal) => documentOf(image, descriptor, signal), [image, descriptor.digest]);
  return (
    <section>
      <h2>{shown(about(descriptor))}</h2>
      <Loading of={document} what="Reading the document">
        {({ bytes, said, error }) => (
          <>
            <p class="line"><Digest of={descriptor.digest} whole /> <span>{size(bytes.length)}</span> <Save name={`attached-${descriptor.digest.slice(-12)}`} bytes={bytes}>Save the exact bytes</Save></p>
            {error !== undefined && <p class="message removed">{shown(error instanceof Error ? error.message : String(error))}</p>}
            {said && said.kind !== "document" && <What said={said} />}
            {isWasm(bytes) && <Program bytes={bytes} />}
            <details open={!isWasm(bytes) && (!said || said.kind === "document")}>
              <summary>As it stands there</summary>
              {said ? <Json text={new TextDecoder().decode(bytes)} link={(digest) => (digest === image.descriptor.digest ? format({ ...route, view: "overview" }) : undefined)} /> : <Hex bytes={bytes.subarray(0, HEX_BYTES)} />}
            </details>
          </>
        )}
      </Loading>
    </section>
  );
}

function Program({ bytes }: { bytes: Uint8Array }) {
  const of = useCallback(async () => bytes, [bytes]);
  return <Lazy of={() => import("../elements/wasm.tsx")} props={{ of }} />;
}

function What({ said: { facts, isCut, kind, materials, packages, subjects } }: { said: Said }) {
  return (
    <>
      <Facts of={[["Kind", shown(kind)], ...facts.map(([name, value]): [string, string, boolean] => [name, shown(value), value.length > 40])]} />
      {isCut && <p class="note">It lists more than is shown here.</p>}
      <Pairs name="Subjects" head="Subject" of={subjects} />
      {packages.length > 0 && <Packages of={packages} />}
      <Pairs name="Made of" head="Material" of={materials} />
    </>
  );
}

function Pairs({ name, head, of }: { name: string; head: string; of: [string, string][] }) {
  if (of.length === 0) return null;
  return (
    <section>
      <h3>{name}</h3>
      <Table caption={name} heads={[head, "Digest"]}>
        {of.slice(0, SHOWN).map(([what, digest], at) => <tr key={at}><td class="wrap">{shown(what)}</td><td class="wrap"><code>{shown(digest)}</code></td></tr>)}
      </Table>
      {of.length > SHOWN && <p class="note">And {counted(of.length - SHOWN, "other")}.</p>}
    </section>
  );
}
