/** The documents, byte for byte as they were received. */
import type { ViewProps } from "../app.tsx";
import { Digest } from "../elements/digest.tsx";
import { Json } from "../elements/json.tsx";
import { Save } from "../elements/save.tsx";
import { format } from "../route.ts";
import { size } from "../text.ts";

export function Raw({ image, opened, route }: ViewProps) {
  const images = new Set(opened.listed.map(({ descriptor }) => descriptor.digest));
  const link = (digest: string) => {
    const layer = image.layers.findIndex((one) => one.digest === digest || one.diffId === digest);
    if (layer >= 0) return format({ ...route, view: "files", layer });
    if (digest === image.manifest.config.digest) return format({ ...route, view: "config" });
    return images.has(digest) ? format({ ...route, image: digest }) : undefined;
  };
  const documents: [string, string, Uint8Array | undefined][] = [
    ["Manifest", image.descriptor.digest, image.rawManifest],
    ["Config", image.manifest.config.digest, image.rawConfig],
  ];
  return (
    <>
      <h1>Documents</h1>
      {documents.map(([name, digest, bytes]) => bytes && (
        <section key={name}>
          <h2>{name}</h2>
          <p class="line">
            <Digest of={digest} whole /> <span>{size(bytes.length)}</span> <Save name={`${name.toLowerCase()}-${digest.slice(-12)}.json`} bytes={bytes}>Save the exact bytes</Save>
          </p>
          <Json text={new TextDecoder().decode(bytes)} link={link} />
        </section>
      ))}
    </>
  );
}
