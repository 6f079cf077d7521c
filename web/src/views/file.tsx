/** One file: as text, image or bytes. It is shown, and never run or interpreted. */
import type { Image, Metadata } from "portolan";
import { PortolanError } from "portolan";
import { useEffect, useState } from "preact/hooks";
import type { ViewProps } from "../app.tsx";
import { decodingOf } from "../decoding.ts";
import { Facts } from "../elements/facts.tsx";
import { Hex } from "../elements/hex.tsx";
import { Loading, useAwaited } from "../elements/loading.tsx";
import { save } from "../elements/save.tsx";
import { format } from "../route.ts";
import { mode, shown, shownLines, size, time } from "../text.ts";

/** How much of a file is shown; all of it can be saved. */
const SHOWN_BYTES = 1 << 20;
const PICTURE_BYTES = 16 << 20;
const HEX_BYTES = 1 << 16;

interface Found extends Metadata {
  path: string;
  layer: number;
  ordinal?: number;
}

export function File({ image, route }: ViewProps) {
  const { layer, path = "" } = route;
  const found = useAwaited((signal) => find(image, path, layer, signal), [image, path, layer]);
  const names = path.split("/");
  const { path: _, query: __, ...list } = route;
  return (
    <>
      <h1 class="path">
        <a href={format({ ...list, view: "files" })}>/</a>
        {names.slice(0, -1).map((name, at) => (
          <span key={at}><a href={format({ ...list, view: "files", query: `${names.slice(0, at + 1).join("/")}/**` })}>{shown(name)}</a>/</span>
        ))}
        <span>{shown(names.at(-1) ?? "")}</span>
      </h1>
      <Loading of={found} what="Looking for the file">{(file) => <Shown image={image} file={file} asked={path} />}</Loading>
    </>
  );
}

/** The file that a path leads to; or the entry of a layer, as it is there. */
async function find(image: Image, path: string, layer: number | undefined, signal: AbortSignal): Promise<Found> {
  if (layer === undefined) {
    const node = await (await decodingOf(image).whole()).resolve(path);
    return { ...node, layer: node.source?.layer ?? node.layer, ...(node.source && { ordinal: node.source.ordinal }) };
  }
  let last: Found | undefined;
  for await (const change of image.changes({ layer, verify: false, signal })) {
    if (change.type === "entry" && change.path === path) last = change;
  }
  if (!last) throw new PortolanError("path-not-found", `layer ${layer} brings no ${path}`);
  return last.kind === "hard-link" && last.target !== undefined ? find(image, last.target, layer, signal) : last;
}

/** The content from its beginning; bytes that no content gives are zero. */
async function read(image: Image, { layer, ordinal, size: whole = 0 }: Found, most: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(Math.min(whole, most));
  if (ordinal === undefined || bytes.length === 0) return bytes;
  for await (const change of image.changes({ layer, content: [ordinal], verify: false, ...(signal && { signal }) })) {
    if (change.type === "content" && change.offset < bytes.length) bytes.set(change.bytes.subarray(0, bytes.length - change.offset), change.offset);
    const end = change.type === "content" ? change.offset + change.bytes.length : 0;
    if (end >= bytes.length || (change.type === "entry" && change.ordinal > ordinal)) break;
  }
  return bytes;
}

function Shown({ image, file, asked }: { image: Image; file: Found; asked: string }) {
  const { kind, layer, size: bytes = 0 } = file;
  const [busy, work] = useState<string>();
  const facts = (
    <Facts
      of={[
        ["Leads to", file.path !== asked && <code>/{shown(file.path)}</code>],
        ["Kind", kind],
        ["Size", kind === "file" && <span title={`${bytes} bytes`}>{size(bytes)}</span>],
        ["Mode", <code>{mode(file.mode)}</code>],
        ["Owner", `${file.uid}:${file.gid}`],
        ["Modified", time(file.mtime.seconds)],
        ["From", `layer ${layer}`],
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
      // Bytes that leave the page are verified: the whole layer is read for it.
      const chunks: BlobPart[] = [];
      let offset = 0;
      for await (const change of image.changes({ layer, content: [file.ordinal ?? 0] })) {
        if (change.type !== "content") continue;
        if (change.offset > offset) chunks.push(new Blob([new Uint8Array(change.offset - offset)]));
        chunks.push(new Blob([change.bytes.slice()]));
        offset = change.offset + change.bytes.length;
      }
      if (bytes > offset) chunks.push(new Blob([new Uint8Array(bytes - offset)]));
      save(shown(file.path.slice(file.path.lastIndexOf("/") + 1)), new Blob(chunks));
      work(undefined);
    } catch (error) {
      work(error instanceof Error ? shown(error.message) : String(error));
    }
  };
  return (
    <>
      {facts}
      <p class="line"><button type="button" onClick={() => void download()}>Save the file</button> {busy && <span role="status">{busy}</span>}</p>
      <Content image={image} file={file} />
    </>
  );
}

/** The kinds of pictures that browsers draw, by how they begin. */
function pictureType(head: Uint8Array): string | undefined {
  const text = String.fromCharCode(...head.subarray(0, 12));
  if (text.startsWith("\x89PNG")) return "image/png";
  if (text.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (text.startsWith("GIF8")) return "image/gif";
  return text.startsWith("RIFF") && text.endsWith("WEBP") ? "image/webp" : undefined;
}

function isText(bytes: Uint8Array): boolean {
  if (bytes.subarray(0, 8192).includes(0)) return false;
  const text = new TextDecoder().decode(bytes.subarray(0, 8192));
  return (text.match(/\ufffd/g)?.length ?? 0) <= text.length / 100 + 1;
}

function Content({ image, file }: { image: Image; file: Found }) {
  const [asHex, choose] = useState(false);
  const content = useAwaited((signal) => read(image, file, SHOWN_BYTES, signal), [image, file]);
  return (
    <Loading of={content} what="Reading the file">
      {(bytes) => {
        if (bytes.length === 0) return <p class="note">The file is empty.</p>;
        const type = pictureType(bytes);
        const isPlain = isText(bytes);
        const part = bytes.length < (file.size ?? 0) || ((asHex || !isPlain) && bytes.length > HEX_BYTES);
        return (
          <section>
            <h2 class="line">
              Content
              {isPlain && <button type="button" onClick={() => choose(!asHex)}>{asHex ? "As text" : "As bytes"}</button>}
            </h2>
            {type && (file.size ?? 0) <= PICTURE_BYTES && <Picture image={image} file={file} type={type} />}
            {isPlain && !asHex ? <pre class="content" tabIndex={0} aria-label="text">{shownLines(new TextDecoder().decode(bytes))}</pre> : <Hex bytes={bytes.subarray(0, HEX_BYTES)} />}
            {part && <p class="note">This is its beginning. Save the file for all of it.</p>}
          </section>
        );
      }}
    </Loading>
  );
}

function Picture({ image, file, type }: { image: Image; file: Found; type: string }) {
  const [url, draw] = useState<string>();
  useEffect(() => {
    const stop = new AbortController();
    let made: string | undefined;
    read(image, file, PICTURE_BYTES, stop.signal).then((bytes) => {
      if (stop.signal.aborted) return;
      made = URL.createObjectURL(new Blob([bytes], { type }));
      draw(made);
    }, () => undefined);
    return () => {
      stop.abort();
      if (made) URL.revokeObjectURL(made);
    };
  }, [image, file]);
  return url ? <p><img class="picture" src={url} alt={shown(file.path)} /></p> : null;
}
