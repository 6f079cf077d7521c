/** The layers with the commands that made them; what they hold fills in as they are decoded. */
import { type Config, type Image, type LayerSize, PortolanError, type Summary } from "portolan";
import { type Decoding, useDecoding } from "../decoding.ts";
import { type Route, format } from "../route.ts";
import { count, counted, shown, size } from "../text.ts";
import { Changes } from "./changes.tsx";
import { Digest } from "./digest.tsx";
import { Failure } from "./loading.tsx";
import { Table } from "./table.tsx";

const HEADS = ["Layer", "Size stored", "Size unpacked", "Compression", "Entries", "Changes", "Bytes unseen", "Made by", "Digest"];

export function Layers({ image, route }: { image: Image; route: Route }) {
  // What is elsewhere is fetched when somebody wants it.
  const isHere = !/^(registry|layout):/.test(route.from ?? "");
  const { layers } = image;
  const isTree = layers.every(({ mediaType }) => /[.]tar\b/.test(mediaType));
  const decoding = useDecoding(image, isHere && isTree);
  const commands = made(image.config);
  const largest = Math.max(1, ...layers.map((layer) => layer.size));
  if (layers.length === 0) return <p class="note">There are none, or not here.</p>;
  if (!isTree) return <Blobs image={image} route={route} />;
  return (
    <>
      <Progress decoding={decoding} image={image} />
      <Table caption="Layers" heads={HEADS}>
        {layers.map((layer, at) => {
          const { [at]: summary } = decoding.summaries;
          const { [at]: held } = decoding.sizes;
          return [
            <tr key={at}>
              <td><a href={format({ ...route, view: "files", layer: at })}>layer {at}</a></td>
              <td class="number">
                {layer.size > 0 && <span class="bar" aria-hidden="true"><span style={{ width: `${(100 * layer.size) / largest}%` }} /></span>}
                {layer.size > 0 ? <span title={`${layer.size} bytes`}>{size(layer.size)}</span> : <span class="note">not said</span>}
              </td>
              <td class="number">{summary && <span title={`${summary.uncompressedSize} bytes`}>{size(summary.uncompressedSize)}</span>}</td>
              <td>{summary?.compression ?? compression(layer.mediaType)}</td>
              <Held held={held} summary={summary} unseen={decoding.unseen?.[at]} />
              <td class="wrap command">{commands[at] ? shown(commands[at]) : <span class="note">not said</span>}</td>
              <td><Digest of={layer.digest} /></td>
            </tr>,
            summary && summary.warnings.length > 0 && (
              <tr key={`${at} warnings`} class="warning">
                <td>{counted(summary.warnings.length, "warning")}</td>
                <td class="wrap" colSpan={HEADS.length - 1}>{summary.warnings.slice(0, WARNINGS).map((warning, number) => <div key={number}>{shown(warning)}</div>)}{summary.warnings.length > WARNINGS && "and more"}</td>
              </tr>
            ),
          ];
        })}
      </Table>
    </>
  );
}

/** What an artifact is made of, which is no tree of files. */
function Blobs({ image, route }: { image: Image; route: Route }) {
  return (
    <Table caption="Blobs" heads={["Blob", "Size", "Media type", "Digest"]}>
      {image.layers.map(({ annotations, digest, mediaType, size: bytes }, at) => (
        <tr key={at}>
          <td class="wrap"><a href={format({ ...route, view: "attached", digest })}>{shown(annotations?.["org.opencontainers.image.title"] ?? annotations?.["in-toto.io/predicate-type"] ?? `blob ${at}`)}</a></td>
          <td class="number">{size(bytes)}</td>
          <td>{shown(mediaType)}</td>
          <td><Digest of={digest} /></td>
        </tr>
      ))}
    </Table>
  );
}

/** How many warnings of a layer are shown. */
const WARNINGS = 20;

function Held({ held, summary, unseen }: { held: LayerSize | undefined; summary: Summary | undefined; unseen: number | undefined }) {
  return (
    <>
      <td class="number">{summary && count(summary.entries)}</td>
      <td>{held && <Changes of={held} />}</td>
      <td class="number">{unseen !== undefined && size(unseen)}</td>
    </>
  );
}

function Progress({ decoding, image: { layers } }: { decoding: Decoding; image: Image }) {
  const { error, isBegun, read, sizes, summaries } = decoding;
  if (error instanceof PortolanError && error.code === "blob-not-found") return <p class="note">The layers are not all here: {shown(error.message)}.</p>;
  if (error !== undefined) {
    return (
      <>
        <Failure error={error} />
        <p><button type="button" onClick={() => void decoding.whole().catch(() => undefined)}>Read the layers again</button></p>
      </>
    );
  }
  const stored = layers.reduce((sum, layer) => sum + layer.size, 0);
  if (!isBegun) {
    return (
      <p class="line">
        <button type="button" onClick={() => void decoding.whole().catch(() => undefined)}>Read the layers</button>
        <span class="note">{stored > 0 ? `Fetches ${size(stored)} ` : "Fetches them "}to say what is in them.</span>
      </p>
    );
  }
  if (sizes.length === layers.length && summaries.length === layers.length) return null;
  return (
    <p class="line" role="status">
      <progress max={Math.max(1, stored)} value={read} aria-label="read of the layers" />
      <span>Reading layers: {summaries.length} of {layers.length}</span>
    </p>
  );
}

/** The commands of the steps that made layers, in the order of these. */
function made(config: Config | undefined): (string | undefined)[] {
  return (config?.history ?? []).filter(({ emptyLayer }) => !emptyLayer).map(({ createdBy, comment }) => createdBy ?? comment);
}

/** As the media type says it; the layer itself says it when it is read. */
function compression(mediaType: string): string {
  if (/[+.]gzip$/.test(mediaType)) return "gzip";
  if (/[+.]zstd$/.test(mediaType)) return "zstd";
  return /[.]tar$/.test(mediaType) ? "none" : shown(mediaType);
}
