/** Two images side by side, of one place or of two: their configs, layers and files. */
import type { Image, Listed } from "portolan";
import { useMemo, useState } from "preact/hooks";
import type { ViewProps } from "../app.tsx";
import { type FileDifference, configDifferences, fileDifferences } from "../differences.ts";
import { Digest } from "../elements/digest.tsx";
import { Lazy } from "../elements/lazy.tsx";
import { Loading, useAwaited } from "../elements/loading.tsx";
import { Other } from "../elements/other.tsx";
import { Table } from "../elements/table.tsx";
import { matcher } from "../files.ts";
import { type Route, format, go } from "../route.ts";
import { isImage, nameOf, open } from "../session.ts";
import { count, counted, listedName, platformName, shortDigest, shown, size } from "../text.ts";

/** How many differences between files are shown. */
const MOST = 1000;
const WORDS = { added: "there alone", removed: "here alone", modified: "differs" };

export function Compare(props: ViewProps) {
  const { image, opened, route: { from = "", there } } = props;
  const place = useAwaited(async () => (there === undefined ? opened : open(there)), [opened, there]);
  return (
    <>
      <h1>Compare {shown(nameOf(from))}, {platformName(image.platform)}</h1>
      <Other route={props.route} />
      <Loading of={place} what={`Opening ${shown(nameOf(there ?? from))}`}>
        {(place) => <With {...props} place={place} />}
      </Loading>
    </>
  );
}

/** What is most like an image at another place. */
function alike(image: Image, listed: Listed[]): Listed | undefined {
  return listed.find(({ platform }) => platformName(platform) === platformName(image.platform)) ?? listed[0];
}

function With({ image, opened, place, route }: ViewProps & { place: ViewProps["opened"] }) {
  const others = place.listed.filter((listed) => isImage(listed) && (place !== opened || listed.descriptor.digest !== image.descriptor.digest));
  const chosen = others.find(({ descriptor }) => descriptor.digest === route.with) ?? (place === opened ? others[0] : alike(image, others));
  const other = useAwaited(async () => chosen && place.image(chosen.descriptor.digest), [place, chosen?.descriptor.digest]);
  if (!chosen) return <p>There is one image here, and nothing else to compare it with. Choose or drop a file, or type a name.</p>;
  return (
    <>
      <p class="line">
        <label>With
          <select aria-label="The other image" value={chosen.descriptor.digest} onChange={(event) => go({ ...route, with: event.currentTarget.value })}>
            {others.map((listed) => <option key={listed.descriptor.digest} value={listed.descriptor.digest}>{listedName(listed, true)}, {shortDigest(listed.descriptor.digest)}</option>)}
          </select>
        </label>
        {chosen.descriptor.digest === image.descriptor.digest && <strong>This is the same image.</strong>}
      </p>
      <Loading of={other} what="Opening the other image">{(other) => other && (route.path !== undefined || route.as === "lines" ? <Lazy of={() => import("../elements/lines.tsx")} props={{ left: image, right: other, route }} /> : <Differences left={image} right={other} route={route} />)}</Loading>
    </>
  );
}

function Differences({ left, right, route }: { left: Image; right: Image; route: Route }) {
  const fields = configDifferences(left, right);
  const shared = new Set(left.layers.map(({ digest }) => digest).filter((digest) => right.layers.some((layer) => layer.digest === digest)));
  const files = useAwaited((signal) => fileDifferences(left, right, signal), [left, right]);
  return (
    <>
      <section>
        <h2>Config</h2>
        {fields.length === 0 ? <p class="note">The configs say the same.</p> : (
          <Table caption="Config" heads={["What", "Here", "There"]}>
            {fields.map(([name, here, there]) => <tr key={name}><td>{shown(name)}</td><td class="wrap">{shown(here)}</td><td class="wrap">{shown(there)}</td></tr>)}
          </Table>
        )}
        <p><a href={format({ ...route, as: "lines" })}>Compare the documents line by line</a></p>
      </section>
      <section>
        <h2>Layers</h2>
        <p>{counted(shared.size, "layer")} in both, {counted(left.layers.length - shared.size, "layer")} here alone, {counted(right.layers.length - shared.size, "layer")} there alone.</p>
        <Table caption="Layers of both" heads={["Layer", "Here", "There"]}>
          {Array.from({ length: Math.max(left.layers.length, right.layers.length) }, (_, at) => (
            <tr key={at}>
              <td>layer {at}</td>
              {[left.layers[at], right.layers[at]].map((layer, side) => (
                <td key={side}>{layer && <><Digest of={layer.digest} /> {size(layer.size)} {shared.has(layer.digest) && <span class="note">in both</span>}</>}</td>
              ))}
            </tr>
          ))}
        </Table>
      </section>
      <section>
        <h2>Files</h2>
        <Loading of={files} what="Reading the layers of both">
          {(files) => files.length === 0 ? <p class="note">The files are the same, as far as their sizes, modes, owners and targets tell.</p> : <FileTable files={files} route={route} />}
        </Loading>
      </section>
    </>
  );
}

function FileTable({ files, route }: { files: FileDifference[]; route: Route }) {
  const [query, ask] = useState("");
  const [what, only] = useState("");
  const found = useMemo(() => {
    const matches = matcher(query);
    return files.filter((file) => (what === "" || file.what === what) && matches(file.path));
  }, [files, query, what]);
  return (
    <>
      <p>{counted(files.length, "path")} differ{files.length === 1 ? "s" : ""}: {summary(files)}. Sizes, modes, owners, times and targets are compared; contents are when a path is followed.</p>
      <div class="line filter">
        <input data-search type="search" aria-label="Look for files that differ" placeholder="Name, or pattern such as etc/**/*.conf" value={query} spellcheck={false} autocapitalize="none" onInput={(event) => ask(event.currentTarget.value)} />
        <select aria-label="Change" value={what} onChange={(event) => only(event.currentTarget.value)}>
          <option value="">every difference</option>
          {Object.entries(WORDS).map(([value, name]) => <option key={value} value={value}>{name}</option>)}
        </select>
        <span class="note" role="status">{found.length > MOST ? `The first ${count(MOST)} of ${count(found.length)}` : counted(found.length, "path")}</span>
      </div>
      <Table caption="Files that differ" heads={["Path", "Change", "Size here", "Size there", "How"]}>
        {found.slice(0, MOST).map(({ here, how, path, there, what }) => (
          <tr key={path}>
            <td class="wrap"><code>{here !== undefined && there !== undefined ? <a href={format({ ...route, path })}>/{shown(path)}</a> : `/${shown(path)}`}</code></td>
            <td class={what}>{WORDS[what]}</td>
            <td class="number">{here !== undefined && size(here)}</td>
            <td class="number">{there !== undefined && size(there)}</td>
            <td class="wrap">{shown(how)}</td>
          </tr>
        ))}
      </Table>
    </>
  );
}

/** Such as `2 there alone, 1.2 MB`. */
function summary(files: FileDifference[]): string {
  const parts = (["added", "removed", "modified"] as const).map((what) => {
    const these = files.filter((file) => file.what === what);
    const bytes = these.reduce((sum, { here = 0, there = 0 }) => sum + there - here, 0);
    const weight = what === "modified" ? `${bytes < 0 ? "−" : "+"}${size(Math.abs(bytes))}` : size(Math.abs(bytes));
    return these.length > 0 && `${count(these.length)} ${what === "modified" ? "on both sides" : WORDS[what]}, ${weight}`;
  });
  return parts.filter(Boolean).join("; ");
}
