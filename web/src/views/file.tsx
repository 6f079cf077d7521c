/** One file: as text, image or bytes. It is shown, and never run or interpreted. */
import type { Image } from "portolan";
import { useState } from "preact/hooks";
import type { ViewProps } from "../app.tsx";
import { type Found, find, verified } from "../content.ts";
import { Content } from "../elements/content.tsx";
import { Facts } from "../elements/facts.tsx";
import { Loading, useAwaited } from "../elements/loading.tsx";
import { save } from "../elements/save.tsx";
import { type Route, format } from "../route.ts";
import { mode, shown, size, time } from "../text.ts";

export function File({ image, route }: ViewProps) {
  const { layer, path = "" } = route;
  const found = useAwaited((signal) => find(image, path, layer, signal), [image, path, layer]);
  const names = path.split("/");
  const { path: _, query: __, as: ___, ...list } = route;
  return (
    <>
      <h1 class="path">
        <a href={format({ ...list, view: "files" })}>/</a>
        {names.slice(0, -1).map((name, at) => (
          <span key={at}><a href={format({ ...list, view: "files", query: `${names.slice(0, at + 1).join("/")}/**` })}>{shown(name)}</a>/</span>
        ))}
        <span>{shown(names.at(-1) ?? "")}</span>
      </h1>
      <Loading of={found} what="Looking for the file">{(file) => <Shown image={image} file={file} route={route} />}</Loading>
    </>
  );
}

function Shown({ image, file, route }: { image: Image; file: Found; route: Route }) {
  const { kind, layer, size: bytes = 0 } = file;
  const [busy, work] = useState<string>();
  const facts = (
    <Facts
      of={[
        ["Leads to", file.path !== route.path && <code>/{shown(file.path)}</code>],
        ["Kind", kind],
        ["Size", kind === "file" && <span title={`${bytes} bytes`}>{size(bytes)}</span>],
        ["Mode", <code>{mode(file.mode)}</code>],
        ["Owner", `${file.uid}:${file.gid}`],
        ["Modified", time(file.mtime.seconds)],
        ["From", <a href={format({ view: "files", ...(route.from && { from: route.from }), ...(route.image && { image: route.image }), layer })}>layer {layer}</a>],
        ["Target", file.target !== undefined && <code>{shown(file.target)}</code>],
        ["Device", file.device && `${file.device.major}, ${file.device.minor}`],
        ["Attributes", file.xattrs.length > 0 && file.xattrs.map(({ name, value }) => <div key={name}><code>{shown(name)}</code> {size(value.length)}</div>)],
      ]}
    />
  );
  if (kind !== "file") return facts;
  const download = async () => {
    work("Reading the file…");
    try {
      save(shown(file.path.slice(file.path.lastIndexOf("/") + 1)), await verified(image, file));
      work(undefined);
    } catch (error) {
      work(error instanceof Error ? shown(error.message) : String(error));
    }
  };
  return (
    <>
      {facts}
      <p class="line"><button type="button" onClick={() => void download()}>Save the file</button> {busy && <span role="status">{busy}</span>}</p>
      {bytes === 0 ? <p class="note">The file is empty.</p> : <Content image={image} file={file} route={route} />}
    </>
  );
}
