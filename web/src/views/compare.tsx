/** Two images of a place side by side: their configs, layers and files. */
import type { Image, Node } from "portolan";
import type { ViewProps } from "../app.tsx";
import { decodingOf } from "../decoding.ts";
import { Digest } from "../elements/digest.tsx";
import { Loading, useAwaited } from "../elements/loading.tsx";
import { Table } from "../elements/table.tsx";
import { go } from "../route.ts";
import { counted, platformName, shortDigest, shown, size } from "../text.ts";

/** How many differences between files are shown. */
const MOST = 1000;

interface FileDifference {
  path: string;
  what: "added" | "removed" | "modified";
  how: string;
}

export function Compare({ image, opened, route }: ViewProps) {
  const others = opened.listed.filter(({ attestation, descriptor }) => !attestation && descriptor.digest !== image.descriptor.digest);
  const chosen = others.find(({ descriptor }) => descriptor.digest === route.with) ?? others[0];
  const other = useAwaited(async () => chosen && opened.image(chosen.descriptor.digest), [opened, chosen?.descriptor.digest]);
  if (!chosen) return <><h1>Compare</h1><p>There is one image here, and nothing to compare it with. Open a place with several, such as an image for many platforms.</p></>;
  return (
    <>
      <h1 class="line">
        Compare {platformName(image.platform)} with
        <select aria-label="The other image" value={chosen.descriptor.digest} onChange={(event) => go({ ...route, with: event.currentTarget.value })}>
          {others.map(({ descriptor: { digest }, platform }) => <option key={digest} value={digest}>{platformName(platform)}, {shortDigest(digest)}</option>)}
        </select>
      </h1>
      <Loading of={other} what="Opening the other image">{(other) => other && <Differences left={image} right={other} />}</Loading>
    </>
  );
}

function Differences({ left, right }: { left: Image; right: Image }) {
  const fields = configDifferences(left, right);
  const shared = new Set(left.layers.map(({ digest }) => digest).filter((digest) => right.layers.some((layer) => layer.digest === digest)));
  const files = useAwaited(() => fileDifferences(left, right), [left, right]);
  return (
    <>
      <section>
        <h2>Config</h2>
        {fields.length === 0 ? <p class="note">The configs say the same.</p> : (
          <Table caption="Config" heads={["What", "Here", "There"]}>
            {fields.map(([name, here, there]) => <tr key={name}><td>{name}</td><td class="wrap">{shown(here)}</td><td class="wrap">{shown(there)}</td></tr>)}
          </Table>
        )}
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
          {(files) => files.length === 0 ? <p class="note">The files are the same, as far as their sizes, modes, owners and targets tell.</p> : (
            <>
              <p>{counted(files.length, "path")} differ{files.length === 1 ? "s" : ""}{files.length > MOST ? `; the first ${MOST} are shown` : ""}. Sizes, modes, owners, times and targets are compared, contents are not.</p>
              <Table caption="Files that differ" heads={["Path", "Change", "How"]}>
                {files.slice(0, MOST).map(({ how, path, what }) => (
                  <tr key={path}><td class="wrap"><code>/{shown(path)}</code></td><td class={what}>{what === "added" ? "there alone" : what === "removed" ? "here alone" : "differs"}</td><td class="wrap">{shown(how)}</td></tr>
                ))}
              </Table>
            </>
          )}
        </Loading>
      </section>
    </>
  );
}

function configDifferences(left: Image, right: Image): [string, string, string][] {
  const flat = ({ config }: Image) => Object.entries(config ?? {}).filter(([name]) => name !== "diffIds" && name !== "history");
  const text = (value: unknown) => (value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value));
  const [here, there] = [new Map(flat(left)), new Map(flat(right))];
  const names = [...new Set([...here.keys(), ...there.keys()])];
  return names.map((name): [string, string, string] => [name, text(here.get(name)), text(there.get(name))]).filter(([, a, b]) => a !== b);
}

async function nodesOf(image: Image): Promise<Map<string, Node>> {
  return new Map((await decodingOf(image).nodes()).map((node) => [node.path, node]));
}

async function fileDifferences(left: Image, right: Image): Promise<FileDifference[]> {
  const [here, there] = [await nodesOf(left), await nodesOf(right)];
  const differences: FileDifference[] = [];
  for (const [path, a] of here) {
    const b = there.get(path);
    if (!b) differences.push({ path, what: "removed", how: a.kind });
    else {
      const sides: [string, unknown, unknown][] = [["kind", a.kind, b.kind], ["size", a.size, b.size], ["mode", a.mode.toString(8), b.mode.toString(8)], ["owner", `${a.uid}:${a.gid}`, `${b.uid}:${b.gid}`], ["target", a.target, b.target], ["time", a.mtime.seconds, b.mtime.seconds]];
      const changed = sides.filter(([, x, y]) => x !== y).map(([name, x, y]) => `${name} ${x ?? "none"} → ${y ?? "none"}`);
      if (changed.length > 0) differences.push({ path, what: "modified", how: changed.join(", ") });
    }
  }
  for (const [path, b] of there) if (!here.has(path)) differences.push({ path, what: "added", how: b.kind });
  return differences.sort((a, b) => (a.path < b.path ? -1 : 1));
}
