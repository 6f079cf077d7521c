/** What the layers hold and nobody sees: files that a later layer replaced or removed. */
import type { ViewProps } from "../app.tsx";
import { decodingOf } from "../decoding.ts";
import { Changes } from "../elements/changes.tsx";
import { Facts } from "../elements/facts.tsx";
import { Lazy } from "../elements/lazy.tsx";
import { Loading, useAwaited } from "../elements/loading.tsx";
import { Table } from "../elements/table.tsx";
import { format } from "../route.ts";
import { count, shown, size } from "../text.ts";

const MOST = 200;

export function Waste({ image, route }: ViewProps) {
  const waste = useAwaited(async () => {
    const tree = await decodingOf(image).whole();
    return { ...(await tree.waste(MOST)), layers: await tree.layerSizes() };
  }, [image]);
  // What is looked at there is nothing to other views.
  const { kind: _, layer: __, path: ___, ...place } = route;
  return (
    <>
      <h1>Waste</h1>
      <Loading of={waste} what="Reading layers">
        {({ efficiency, layers, paths, totalBytes, wastedBytes }) => {
          const worst = Math.max(1, ...paths.map(({ bytes }) => bytes));
          const largest = Math.max(1, ...layers.map(({ bytes }) => bytes));
          return (
            <>
              <Facts
                of={[
                  ["Could be saved", `${size(wastedBytes)} of ${size(totalBytes)}`],
                  ["Efficiency", `${(100 * efficiency).toFixed(1)} %, as dive computes it`],
                ]}
              />
              <Lazy of={() => import("../elements/areas.tsx")} props={{ image, route }} />
              <section>
                <h2>What each layer brings</h2>
                <Table caption="What each layer brings" heads={["Layer", "Bytes of content", "Entries", "Added, modified, removed"]}>
                  {layers.map((layer, at) => (
                    <tr key={at}>
                      <td><a href={format({ ...place, view: "files", layer: at })}>layer {at}</a></td>
                      <td class="number"><Bar part={layer.bytes / largest} />{size(layer.bytes)}</td>
                      <td class="number">{count(layer.entries)}</td>
                      <td><Changes of={layer} /></td>
                    </tr>
                  ))}
                </Table>
              </section>
              <section>
                <h2>The worst paths</h2>
                {paths.length === 0 ? <p class="note">No layer replaces or removes what another brought.</p> : (
                  <Table caption="The worst paths" heads={["Path", "Bytes that could be saved", "Times replaced or removed"]}>
                    {paths.map(({ bytes, count: times, path }) => (
                      <tr key={path}>
                        <td class="wrap"><code>/{shown(path)}</code></td>
                        <td class="number"><Bar part={bytes / worst} />{size(bytes)}</td>
                        <td class="number">{count(times)}</td>
                      </tr>
                    ))}
                  </Table>
                )}
              </section>
            </>
          );
        }}
      </Loading>
    </>
  );
}

function Bar({ part }: { part: number }) {
  return <span class="bar" aria-hidden="true"><span style={{ width: `${100 * part}%` }} /></span>;
}
