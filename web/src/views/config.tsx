/** The config as a person reads it, and the steps of the build beside the layers that they made. */
import type { ViewProps } from "../app.tsx";
import { Facts } from "../elements/facts.tsx";
import { Table } from "../elements/table.tsx";
import { format } from "../route.ts";
import { platformName, shown, size } from "../text.ts";

const quoted = (words: string[]) => words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : shown(JSON.stringify(word)))).join(" ");
const list = (items: string[]) => items.length > 0 && items.map((item) => <div key={item}>{shown(item)}</div>);

export function Config({ image, route }: ViewProps) {
  const { config } = image;
  if (!config) return <><h1>Config</h1><p>This is no image for containers: its config is of another kind. Its bytes are under <a href={format({ ...route, view: "raw" })}>documents</a>.</p></>;
  let layer = -1;
  return (
    <>
      <h1>Config</h1>
      <Facts
        of={[
          ["Runs", [...config.entrypoint, ...config.cmd].length > 0 && <code>{quoted([...config.entrypoint, ...config.cmd])}</code>],
          ["Entrypoint", config.entrypoint.length > 0 && <code>{quoted(config.entrypoint)}</code>],
          ["Command", config.cmd.length > 0 && <code>{quoted(config.cmd)}</code>],
          ["User", shown(config.user || "root, as nothing else is said")],
          ["Working directory", <code>{shown(config.workingDir || "/")}</code>],
          ["Ports", list(config.exposedPorts)],
          ["Volumes", list(config.volumes)],
          ["Stop signal", config.stopSignal && shown(config.stopSignal)],
          ["Platform", platformName(config.platform)],
          ["Created", shown(config.created ?? "")],
        ]}
      />
      {config.env.length > 0 && (
        <section>
          <h2>Environment</h2>
          <Table caption="Environment" heads={["Name", "Value"]}>
            {config.env.map((variable, at) => {
              const [name = "", value = ""] = variable.split(/=(.*)/s);
              return <tr key={at}><td><code>{shown(name)}</code></td><td class="wrap"><code>{shown(value)}</code></td></tr>;
            })}
          </Table>
        </section>
      )}
      <section>
        <h2>History</h2>
        {config.history.length === 0 ? <p class="note">The image says nothing of how it was made.</p> : (
          <Table caption="History" heads={["Layer", "Step", "Size", "When"]}>
            {config.history.map(({ comment, created, createdBy, emptyLayer }, at) => {
              if (!emptyLayer) layer += 1;
              const there = emptyLayer ? undefined : image.layers[layer];
              return (
                <tr key={at}>
                  <td>{there ? <a href={format({ ...route, view: "files", layer })}>layer {layer}</a> : <span class="note">none</span>}</td>
                  <td class="wrap command">{shown(createdBy ?? comment ?? "")}</td>
                  <td class="number">{there ? size(there.size) : ""}</td>
                  <td>{shown(created ?? "")}</td>
                </tr>
              );
            })}
          </Table>
        )}
      </section>
    </>
  );
}
