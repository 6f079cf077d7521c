/** The files of the image as a container sees them, or what one layer changed. */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { ViewProps } from "../app.tsx";
import { Loading, useAwaited } from "../elements/loading.tsx";
import { Rows } from "../elements/rows.tsx";
import { type Item, found, inSight, ofDifferences, ofNodes } from "../files.ts";
import { type Route, go } from "../route.ts";
import { counted, mode, shown, size, time } from "../text.ts";

const KINDS: [string, string][] = [["", "everything"], ["file", "files"], ["directory", "directories"], ["symlink", "symbolic links"], ["char-device", "character devices"], ["block-device", "block devices"], ["fifo", "pipes"]];
const ACTIONS: [string, string][] = [["", "every change"], ["added", "added"], ["modified", "modified"], ["removed", "removed"]];
const SIGNS = { added: "+", modified: "~", removed: "−" };

export function Files({ image, route }: ViewProps) {
  const { layer } = route;
  const [read, progress] = useState(0);
  const items = useAwaited(async () => {
    const reads = new Map<number, number>();
    const tree = await image.tree({
      onProgress: (told) => {
        reads.set(told.layer, (reads.get(told.layer) ?? 0) + told.read);
        progress([...reads.values()].reduce((sum, bytes) => sum + bytes, 0));
      },
    });
    return layer === undefined ? ofNodes(await Array.fromAsync(tree.walk())) : ofDifferences(await Array.fromAsync(tree.diff(layer)));
  }, [image, layer]);
  const layers = image.layers.map((_, at) => at);
  return (
    <div class="files">
      <h1 class="line">
        Files
        <label class="of">
          <span class="hidden">Of which layer</span>
          <select value={layer ?? ""} onChange={({ currentTarget: { value } }) => {
            const { layer: _, kind: __, ...rest } = route;
            go(value === "" ? rest : { ...rest, layer: Number(value) });
          }}>
            <option value="">of all layers together</option>
            {layers.map((at) => <option key={at} value={at}>changed by layer {at}</option>)}
          </select>
        </label>
      </h1>
      <Loading of={items} what={read > 0 ? `Reading layers, ${size(read)} so far` : "Reading layers"}>
        {(items) => <List items={items} route={route} />}
      </Loading>
    </div>
  );
}

function List({ items, route }: { items: Item[]; route: Route }) {
  const [query, ask] = useState(route.query ?? "");
  const { kind = "", layer } = route;
  const [open, change] = useState<ReadonlySet<string>>(() => initially(items));
  useEffect(() => change(initially(items)), [items]);
  useEffect(() => {
    // What is typed is in the URL soon, but not with every letter.
    const timer = setTimeout(() => query !== (route.query ?? "") && go({ ...route, query }, { replace: true }), 200);
    return () => clearTimeout(timer);
  }, [query, route]);
  const isFiltered = query.trim() !== "" || kind !== "";
  const { rows, hits } = useMemo(
    () => (isFiltered ? found(items, query, kind) : { rows: inSight(items, open), hits: items.length }),
    [items, query, kind, open, isFiltered],
  );
  const turn = (item: Item, isOpen: boolean) => {
    const next = new Set(open);
    if (isOpen) next.add(item.path);
    else next.delete(item.path);
    change(next);
  };
  const enter = (item: Item) => {
    if (item.isDirectory) turn(item, !item.isOpen);
    else if (item.action !== "removed") go({ ...route, view: "file", path: item.path });
  };
  return (
    <>
      <div class="line filter">
        <input data-search type="search" aria-label="Look for files" placeholder="Name, or pattern such as etc/**/*.conf" value={query} spellcheck={false} autocapitalize="none" onInput={(event) => ask(event.currentTarget.value)} />
        <select aria-label="Kind" value={kind} onChange={(event) => go({ ...route, kind: event.currentTarget.value }, { replace: true })}>
          {(layer === undefined ? KINDS : ACTIONS).map(([value, name]) => <option key={value} value={value}>{name}</option>)}
        </select>
        <span class="note" role="status">{isFiltered ? `${counted(hits, "match", "matches")} among ${counted(items.length, "path")}` : counted(items.length, "path")}</span>
      </div>
      {rows.length === 0 ? (
        <p class="note">{items.length > 0 ? "Nothing is called so. A part of a name will do, or a pattern with * and ?." : layer === undefined ? "There are no files in this image." : "This layer changed no file."}</p>
      ) : <Rows label="Files" rows={rows} turn={turn} enter={enter} draw={draw} />}
    </>
  );
}

/** What is open at first: a few directories are, many are not. */
function initially(items: Item[]): ReadonlySet<string> {
  return new Set(items.length > 200 ? [] : items.filter(({ isDirectory }) => isDirectory).map(({ path }) => path));
}

function draw({ action, depth, isDirectory, isOpen, kind, layer, name, node, size: bytes }: Item) {
  return (
    <>
      <span class={`file ${action ?? kind ?? ""}`} style={{ paddingInlineStart: `${depth * 16}px` }}>
        <span class="twist" aria-hidden="true">{isDirectory ? (isOpen ? "▾" : "▸") : ""}</span>
        {action && <span class="sign" title={action}>{SIGNS[action]}</span>}
        <span class="text">{shown(name)}{isDirectory ? "/" : ""}</span>
        {node?.kind === "symlink" && <span class="note target"> → {shown(node.target ?? "")}</span>}
        {action && <span class="hidden"> {action}</span>}
      </span>
      {node && <span class="mode">{mode(node.mode)}</span>}
      {node && <span class="owner">{node.uid}:{node.gid}</span>}
      <span class="size">{bytes !== undefined && !isDirectory ? size(bytes) : ""}</span>
      {node && <span class="time">{time(node.mtime.seconds)}</span>}
      {layer !== undefined && <span class="from">layer {layer}</span>}
    </>
  );
}
