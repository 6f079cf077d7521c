/** The files of the image as a container sees them, or what one layer changed. */
import type { Image } from "portolan";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { ViewProps } from "../app.tsx";
import { type Decoding, useDecoding } from "../decoding.ts";
import { Failure } from "../elements/loading.tsx";
import { Marked } from "../elements/marked.tsx";
import { Rows } from "../elements/rows.tsx";
import { type Item, found, inSight, ofDifferences, ofNodes, sizeMatcher } from "../files.ts";
import { MOST, useBest } from "../fuzzy.ts";
import { type Route, go } from "../route.ts";
import { count, counted, mode, shown, size, time } from "../text.ts";

const KINDS: [string, string][] = [["", "everything"], ["file", "files"], ["directory", "directories"], ["symlink", "symbolic links"], ["char-device", "character devices"], ["block-device", "block devices"], ["fifo", "pipes"]];
const ACTIONS: [string, string][] = [["", "every change"], ["added", "added"], ["modified", "modified"], ["removed", "removed"]];
const SIGNS = { added: "+", modified: "~", removed: "−" };

export function Files({ image, route }: ViewProps) {
  const { layer } = route;
  const decoding = useDecoding(image, true);
  const items = useItems(image, decoding, layer);
  const { error, isWhole, read, summaries } = decoding;
  const layers = image.layers.map((_, at) => at);
  return (
    <div class="files">
      <h1 class="line">
        Files
        <label class="of">
          <span class="hidden">Of which layer</span>
          <select value={layer ?? ""} onChange={({ currentTarget: { value } }) => {
            const { layer: _, kind: __, change: ___, ...rest } = route;
            go(value === "" ? rest : { ...rest, layer: Number(value) });
          }}>
            <option value="">of all layers together</option>
            {layers.map((at) => <option key={at} value={at}>changed by layer {at}</option>)}
          </select>
        </label>
      </h1>
      {error !== undefined && <Failure error={error} />}
      {!isWhole && error === undefined && (
        <p class={items ? "note" : "waiting"} role="status">
          {read > 0 ? `Reading layers, ${size(read)} so far` : "Reading layers"}…{items && layer === undefined && ` These are the files of the lowest ${counted(summaries.length, "layer")} of ${layers.length}.`}
        </p>
      )}
      {items && <List key={layer} items={items} route={route} />}
    </div>
  );
}

/** The files as far as they are known: those of one layer once it was read, of all layers once more as each is. */
function useItems(image: Image, decoding: Decoding, layer: number | undefined): Item[] | undefined {
  const [filled, fill] = useState<{ image: Image; layer: number | undefined; items: Item[] }>();
  const read = decoding.summaries.length;
  // The last layer and the whole tree are the same.
  const step = layer === undefined ? (decoding.isWhole ? read + 1 : Math.min(read, image.layers.length - 1)) : Number(read > layer);
  useEffect(() => {
    const { tree } = decoding;
    if (step === 0 || !tree) return;
    let isWanted = true;
    const gather = async () => {
      const items = await (layer === undefined ? ofNodes(tree.walk()) : ofDifferences(tree.diff(layer)));
      if (isWanted) fill({ image, layer, items });
    };
    // What fails is said where the layers are decoded.
    gather().catch(() => undefined);
    return () => {
      isWanted = false;
    };
  }, [image, decoding, layer, step]);
  return filled && filled.image === image && filled.layer === layer ? filled.items : undefined;
}

function List({ items, route }: { items: Item[]; route: Route }) {
  const [query, ask] = useState(route.query ?? "");
  const [bytes, limit] = useState(route.size ?? "");
  const { kind = "", change = "", layer } = route;
  // Nobody opened or closed anything yet.
  const [touched, touch] = useState<ReadonlySet<string>>();
  const untouched = useMemo(() => initially(items), [items]);
  const open = touched ?? untouched;
  useEffect(() => {
    // What is typed is in the URL soon, but not with every letter.
    const isSame = query === (route.query ?? "") && bytes === (route.size ?? "");
    const timer = setTimeout(() => isSame || go({ ...route, query, size: bytes }, { replace: true }), 200);
    return () => clearTimeout(timer);
  }, [query, bytes, route]);
  const isNoSize = bytes.trim() !== "" && !sizeMatcher(bytes);
  const isFiltered = query.trim() !== "" || kind !== "" || change !== "" || (bytes.trim() !== "" && !isNoSize);
  const { rows, hits } = useMemo(
    () => (isFiltered ? found(items, { query, kind, change, size: bytes }) : { rows: inSight(items, open), hits: items.length }),
    [items, query, kind, change, bytes, open, isFiltered],
  );
  // What no name has in it may have been typed wrongly, or remembered in part.
  const isFuzzy = query.trim() !== "" && !/[*?]/.test(query) && (route.find === "fuzzy" || hits === 0);
  const best = useBest(items, { query, kind, change, size: bytes }, isFuzzy);
  const listed = isFuzzy ? best.rows : rows;
  const turn = (item: Item, isOpen: boolean) => {
    const next = new Set(open);
    if (isOpen) next.add(item.path);
    else next.delete(item.path);
    touch(next);
  };
  const enter = (item: Item) => {
    if (item.marks && item.isDirectory) {
      const { find: _, ...rest } = route;
      ask(`${item.path}/**`);
      go({ ...rest, query: `${item.path}/**` });
    } else if (item.isDirectory) turn(item, !item.isOpen);
    else if (item.action !== "removed") go({ ...route, view: "file", path: item.path });
  };
  return (
    <>
      <div class="line filter">
        <input data-search type="search" aria-label="Look for files" placeholder="Name, or pattern such as etc/**/*.conf" value={query} spellcheck={false} autocapitalize="none" onInput={(event) => ask(event.currentTarget.value)} />
        <label title="Letters in this order, with others between them; the best first"><input type="checkbox" checked={route.find === "fuzzy"} onChange={(event) => go({ ...route, query, find: event.currentTarget.checked ? "fuzzy" : "" }, { replace: true })} /> Fuzzy</label>
        <input class="bytes" aria-label="Size" placeholder="Size: >1MB" title="Such as >1MB, <10k or 4096, which is the least" value={bytes} spellcheck={false} autocapitalize="none" aria-invalid={isNoSize} onInput={(event) => limit(event.currentTarget.value)} />
        <select aria-label="Kind" value={kind} onChange={(event) => go({ ...route, kind: event.currentTarget.value }, { replace: true })}>
          {(layer === undefined ? KINDS : KINDS.slice(0, 3)).map(([value, name]) => <option key={value} value={value}>{name}</option>)}
        </select>
        {layer !== undefined && (
          <select aria-label="Change" value={change} onChange={(event) => go({ ...route, change: event.currentTarget.value }, { replace: true })}>
            {ACTIONS.map(([value, name]) => <option key={value} value={value}>{name}</option>)}
          </select>
        )}
        <span class="note" role="status">{isFuzzy ? bestSaid(best.total, items.length, route.find !== "fuzzy") : isFiltered ? `${counted(hits, "match", "matches")} among ${counted(items.length, "path")}` : counted(items.length, "path")}</span>
      </div>
      {listed.length === 0 && best.isWaiting ? null : listed.length === 0 ? (
        <p class="note">{items.length > 0 ? "Nothing is as it is asked for. A part of a name will do, or a pattern with * and ?; a size such as >1MB." : layer === undefined ? "There are no files in this image." : "This layer changed no file."}</p>
      ) : <Rows label="Files" rows={listed} turn={turn} enter={enter} draw={draw} />}
    </>
  );
}

function bestSaid(total: number, all: number, isInstead: boolean): string {
  const said = `${counted(total, "path has", "paths have")} these letters in this order, among ${count(all)}${total > MOST ? `; the best ${MOST} are shown` : ""}`;
  return isInstead ? `No path has this in it; ${said}` : said;
}

/** What is open at first: a few directories are, many are not. */
function initially(items: Item[]): ReadonlySet<string> {
  return new Set(items.length > 200 ? [] : items.filter(({ isDirectory }) => isDirectory).map(({ path }) => path));
}

/** The marks of a part of a path, counted from its beginning. */
function within(marks: number[] = [], from: number, to = Number.POSITIVE_INFINITY): number[] {
  return marks.flatMap((_, at) => {
    const [start = 0, end = 0] = at % 2 === 0 ? [Math.max(from, marks[at] ?? 0), Math.min(to, marks[at + 1] ?? 0)] : [];
    return start < end ? [start - from, end - from] : [];
  });
}

function draw({ action, depth, isDirectory, isOpen, kind, layer, marks, name, node, path, size: bytes }: Item) {
  return (
    <>
      <span class={`file ${action ?? kind ?? ""}`} style={{ paddingInlineStart: `${depth * 16}px` }}>
        <span class="twist" aria-hidden="true">{isDirectory && !marks ? (isOpen ? "▾" : "▸") : ""}</span>
        {action && <span class="sign" title={action}>{SIGNS[action]}</span>}
        <span class="text"><Marked text={name} marks={within(marks, path.length - name.length)} />{isDirectory ? "/" : ""}</span>
        {marks && path !== name && <span class="note target">  <Marked text={path.slice(0, -name.length - 1)} marks={within(marks, 0, path.length - name.length - 1)} /></span>}
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
