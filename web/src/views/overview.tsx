/** What an image is, at a glance. Only its documents are read for it. */
import type { Image } from "portolan";
import type { ViewProps } from "../app.tsx";
import { Digest } from "../elements/digest.tsx";
import { Facts } from "../elements/facts.tsx";
import { Layers } from "../elements/layers.tsx";
import { Lazy } from "../elements/lazy.tsx";
import { Table } from "../elements/table.tsx";
import { format } from "../route.ts";
import { platformName, shown, size } from "../text.ts";
import { placeIndex } from "./raw.tsx";

/** Whether an image says of itself that it is WebAssembly: only then is it looked for, since layers may have to be read. */
function saysWasm({ layers, manifest, platform }: Image): boolean {
  return [platform?.architecture, manifest.artifactType, manifest.config.mediaType, ...layers.map(({ mediaType }) => mediaType)].some((word) => word !== undefined && /\bwasm\b/.test(word));
}

export function Overview({ image, opened, route }: ViewProps) {
  const { annotations, config, descriptor, indexes, layers, manifest } = image;
  const value = (name: string) => annotations.find(({ key }) => key === `org.opencontainers.image.${name}`)?.value;
  const title = value("title") ?? value("ref.name") ?? "Image";
  const base = value("base.name");
  const raw = (digest: string) => format({ ...route, view: "raw", image: descriptor.digest, digest });
  const stored = layers.reduce((sum, layer) => sum + layer.size, 0);
  return (
    <>
      <h1>{shown(title)}</h1>
      {value("description") && <p>{shown(value("description") ?? "")}</p>}
      <Facts
        of={[
          ["Platform", platformName(image.platform)],
          ["Created", shown(config?.created ?? value("created") ?? "")],
          ["Author", config?.author && shown(config.author)],
          ["Base image", base && shown(base)],
          ["Layers", `${layers.length}${stored > 0 ? `, ${size(stored)} as stored` : ""}`],
          ["Kind", shown(manifest.artifactType ?? manifest.mediaType)],
          ["Source", image.kind],
          ["Manifest", <Digest of={descriptor.digest} whole href={raw(descriptor.digest)} />, true],
          ["Config", <Digest of={manifest.config.digest} whole href={raw(manifest.config.digest)} />, true],
          ["Index", <>{indexes.map(({ digest }) => <div key={digest}><Digest of={digest} whole href={raw(digest)} /></div>)}<a href={raw("index")}>{placeIndex(image)}</a></>, true],
        ]}
      />
      {opened.listed.length > 1 && (
        <section>
          <h2>Images here</h2>
          <Table caption="Images here" heads={["Platform", "Name", "Manifest", "Size of the manifest", "What"]}>
            {opened.listed.map(({ attestation, attestationOf, descriptor: { artifactType, digest, size: bytes }, name: tag, platform }) => (
              <tr key={digest} aria-current={digest === descriptor.digest || undefined}>
                <td><a href={format({ ...route, image: digest })}>{attestation ? "attestation" : platformName(platform)}</a></td>
                <td class="wrap">{shown(tag ?? "")}</td>
                <td><Digest of={digest} href={format({ ...route, image: digest })} /></td>
                <td class="number">{size(bytes)}</td>
                <td>{attestationOf ? <>of <Digest of={attestationOf} href={format({ ...route, image: attestationOf })} /></> : digest === descriptor.digest ? "shown" : shown(artifactType ?? "image")}</td>
              </tr>
            ))}
          </Table>
        </section>
      )}
      {saysWasm(image) && (
        <section>
          <h2>WebAssembly</h2>
          <Lazy key={descriptor.digest} of={() => import("../elements/workload.tsx")} props={{ image, route }} />
        </section>
      )}
      <section>
        <h2>Layers</h2>
        <Layers image={image} route={route} />
      </section>
      <section>
        <h2>Annotations and labels</h2>
        {annotations.length === 0 ? <p class="note">There are none.</p> : (
          <Table caption="Annotations and labels" heads={["Name", "Value", "Where it stands"]}>
            {annotations.map(({ key, origin, value }, at) => (
              <tr key={at}>
                <td><code>{shown(key)}</code></td>
                <td class="wrap">{shown(value)}</td>
                <td>{origin === "label" ? "label of the config" : origin}</td>
              </tr>
            ))}
          </Table>
        )}
      </section>
    </>
  );
}
