/** The documents on the way to the image and of it: for a person, and byte for byte as they were received. */
import type { Image } from "portolan";
import { useState } from "preact/hooks";
import type { ViewProps } from "../app.tsx";
import { Digest } from "../elements/digest.tsx";
import { Hex } from "../elements/hex.tsx";
import { Json } from "../elements/json.tsx";
import { Loading, useAwaited } from "../elements/loading.tsx";
import { Save } from "../elements/save.tsx";
import { format } from "../route.ts";
import { shortDigest, shown, size } from "../text.ts";

/** How much is shown as bytes; all of it can be saved. */
const HEX_BYTES = 1 << 16;

interface Document {
  name: string;
  /** Its digest, or `index`. */
  id: string;
  note?: string;
  bytes(signal: AbortSignal): Promise<Uint8Array>;
}

/** What the index is called that the place of an image begins with. */
export const placeIndex = ({ kind }: Image) => (isMade(kind) ? "index of the place" : "index.json");

const isMade = (kind: Image["kind"]) => kind === "docker archive" || kind === "registry";

function documentsOf(image: Image): Document[] {
  const { descriptor, indexes, manifest, rawConfig, rawManifest } = image;
  const place = { name: placeIndex(image), id: "index", bytes: (signal: AbortSignal) => image.index({ signal }) };
  const made = isMade(image.kind) && { note: "There is no such file there: this one says the same as what is there." };
  return [
    { ...place, ...made },
    ...indexes.map((index) => ({ name: "Index", id: index.digest, bytes: (signal: AbortSignal) => image.blob(index, { signal }) })),
    { name: "Manifest", id: descriptor.digest, bytes: async () => rawManifest },
    { name: "Config", id: manifest.config.digest, bytes: async (signal: AbortSignal) => rawConfig ?? image.blob(manifest.config, { signal }) },
  ];
}

export function Raw({ image, opened, route }: ViewProps) {
  const documents = documentsOf(image);
  const wanted = route.digest ?? image.descriptor.digest;
  const document = documents.find(({ id }) => id === wanted);
  const images = new Set(opened.listed.map(({ descriptor }) => descriptor.digest));
  const link = (digest: string) => {
    if (documents.some(({ id }) => id === digest)) return format({ ...route, digest });
    const layer = image.layers.findIndex((one) => one.digest === digest || one.diffId === digest);
    if (layer >= 0) return format({ ...route, view: "files", layer });
    return images.has(digest) ? format({ ...route, image: digest, digest }) : undefined;
  };
  return (
    <>
      <h1>Documents</h1>
      <nav class="documents" aria-label="Documents">
        {documents.map(({ name, id }) => (
          <a key={id} href={format({ ...route, digest: id })} aria-current={id === wanted ? "page" : undefined}>{name} {id !== "index" && <span class="note">{shortDigest(id)}</span>}</a>
        ))}
      </nav>
      {document ? <Shown key={document.id} document={document} link={link} /> : <p>There is no document {shown(wanted)} on the way to this image. Choose one of those above.</p>}
    </>
  );
}

function Shown({ document, link }: { document: Document; link: (digest: string) => string | undefined }) {
  const { id, name, note } = document;
  const [asHex, choose] = useState(false);
  const content = useAwaited(document.bytes, [id]);
  return (
    <section>
      <h2>{name}</h2>
      {note && <p class="note">{note}</p>}
      <Loading of={content} what="Reading the document">
        {(bytes) => (
          <>
            <p class="line">
              {id !== "index" && <Digest of={id} whole />}
              <span title={`${bytes.length} bytes`}>{size(bytes.length)}</span>
              <Save name={id === "index" ? "index.json" : `${name.toLowerCase()}-${id.slice(-12)}.json`} bytes={bytes}>Save the exact bytes</Save>
              <button type="button" onClick={() => choose(!asHex)}>{asHex ? "As JSON" : "As bytes"}</button>
            </p>
            {asHex ? <Hex bytes={bytes.subarray(0, HEX_BYTES)} /> : <Json text={new TextDecoder().decode(bytes)} link={link} />}
            {asHex && bytes.length > HEX_BYTES && <p class="note">This is its beginning. Save it for all of it.</p>}
          </>
        )}
      </Loading>
    </section>
  );
}
