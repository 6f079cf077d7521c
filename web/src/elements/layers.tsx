/** The layers with the commands that made them. */
import type { Config, Image } from "portolan";
import { type Route, format } from "../route.ts";
import { shown, size } from "../text.ts";
import { Digest } from "./digest.tsx";
import { Table } from "./table.tsx";

export function Layers({ image, route }: { image: Image; route: Route }) {
  const commands = made(image.config);
  const largest = Math.max(1, ...image.layers.map((layer) => layer.size));
  if (image.layers.length === 0) return <p class="note">There are none, or not here.</p>;
  return (
    <Table caption="Layers" heads={["Layer", "Size", "Made by", "Digest", "Compression"]}>
      {image.layers.map((layer, at) => (
        <tr key={at}>
          <td><a href={format({ ...route, view: "files", layer: at })}>layer {at}</a></td>
          <td class="number">
            {layer.size > 0 && <span class="bar" aria-hidden="true"><span style={{ width: `${(100 * layer.size) / largest}%` }} /></span>}
            {layer.size > 0 ? <span title={`${layer.size} bytes`}>{size(layer.size)}</span> : <span class="note">not said</span>}
          </td>
          <td class="wrap command">{commands[at] ? shown(commands[at]) : <span class="note">not said</span>}</td>
          <td><Digest of={layer.digest} /></td>
          <td>{compression(layer.mediaType)}</td>
        </tr>
      ))}
    </Table>
  );
}

/** The commands of the steps that made layers, in the order of these. */
function made(config: Config | undefined): (string | undefined)[] {
  return (config?.history ?? []).filter(({ emptyLayer }) => !emptyLayer).map(({ createdBy, comment }) => createdBy ?? comment);
}

/** As the media type says it; the layer itself is asked when it is read. */
function compression(mediaType: string): string {
  if (/[+.]gzip$/.test(mediaType)) return "gzip";
  if (/[+.]zstd$/.test(mediaType)) return "zstd";
  return /[.]tar$/.test(mediaType) ? "none" : shown(mediaType);
}
