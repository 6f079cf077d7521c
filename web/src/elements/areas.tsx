/** How much is where, as areas and as a table of the same. The table is for everybody; the areas are for those who see and point. */
import type { Image } from "portolan";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Part, type Weight, partsOf, weights } from "../areas.ts";
import { treemap } from "../lens.ts";
import { type Route, format, go } from "../route.ts";
import { count, counted, shown, size } from "../text.ts";
import { Loading, useAwaited } from "./loading.tsx";
import { Table } from "./table.tsx";

/** So many areas of one directory are drawn, after so many no more directories are divided, and so many rows are in the table. */
const MOST = 200;
const MOST_DRAWN = 1000;
const MOST_ROWS = 50;
/** So large is an area that is drawn, in CSS pixels; one in which others are; and one that has a name. */
const SEEN = 1;
const LEAST = 24;
const NAMED = 44;
/** How high a name is. */
const HEAD = 18;
/** So many directories deep. */
const DEEP = 5;

const WASTED = "wasted";

export default function Areas({ image, route }: { image: Image; route: Route }) {
  const { layer, path = "" } = route;
  const isWasted = route.kind === WASTED;
  const found = useAwaited(() => weights(image, layer, isWasted), [image, layer, isWasted]);
  const { kind: _, layer: __, path: ___, ...rest } = route;
  const of = (what: string): Route => (what === "" ? rest : what === WASTED ? { ...rest, kind: WASTED } : { ...rest, layer: Number(what) });
  const names = path === "" ? [] : path.split("/");
  return (
    <section>
      <h2 class="line">
        Where it is
        <select aria-label="Of what" value={isWasted ? WASTED : (layer ?? "")} onChange={(event) => go(of(event.currentTarget.value))}>
          <option value="">all files</option>
          <option value={WASTED}>what could be saved</option>
          {image.layers.map((_, at) => <option key={at} value={at}>brought by layer {at}</option>)}
        </select>
      </h2>
      <nav class="path" aria-label="Directories above">
        {names.length === 0 ? <span>/</span> : <a href={format(of(isWasted ? WASTED : String(layer ?? "")))}>/</a>}
        {names.map((name, at) => (
          <span key={at}>{at === names.length - 1 ? <strong>{shown(name)}</strong> : <a href={format({ ...route, path: names.slice(0, at + 1).join("/") })}>{shown(name)}</a>}/</span>
        ))}
      </nav>
      <Loading of={found} what="Adding up sizes">{(weights) => <Inside weights={weights} directory={path} route={route} isWasted={isWasted} />}</Loading>
    </section>
  );
}

function Inside({ weights, directory, route, isWasted }: { weights: Weight[]; directory: string; route: Route; isWasted: boolean }) {
  const parts = useMemo(() => partsOf(weights, directory), [weights, directory]);
  const [pointed, point] = useState<string>();
  const sum = parts.reduce((total, { bytes }) => total + bytes, 0);
  // What is not seen cannot be looked at.
  const address = (part: Part) => (part.isDirectory ? format({ ...route, path: part.path }) : isWasted ? undefined : format({ ...route, view: "file", path: part.path }));
  if (parts.length === 0) return <p class="note">{isWasted ? "Nothing here could be saved." : "There is nothing here."}</p>;
  return (
    <div class="areas">
      <Drawn parts={parts} pointed={pointed} point={point} enter={(part) => {
        const to = address(part);
        if (to) location.hash = to;
      }} isWasted={isWasted} />
      <div>
        <p class="note">{size(sum)} in {counted(parts.length, "name")}{parts.length > MOST_ROWS && `; the largest ${MOST_ROWS} are listed`}.</p>
        <Table caption="How much is where" heads={["Name", "Size", "Part"]}>
          {parts.slice(0, MOST_ROWS).map((part) => {
            const to = address(part);
            const name = `${shown(part.name)}${part.isDirectory ? "/" : ""}`;
            return (
              <tr key={part.path} class={pointed === part.path ? "pointed" : ""} onMouseEnter={() => point(part.path)} onMouseLeave={() => point(undefined)} onFocusCapture={() => point(part.path)} onBlurCapture={() => point(undefined)}>
                <td class="wrap">{to ? <a href={to}>{name}</a> : name}</td>
                <td class="number" title={`${count(part.bytes)} bytes in ${counted(part.weights.length, "file")}`}>{size(part.bytes)}</td>
                <td class="number">{(100 * part.bytes / sum).toFixed(1)} %</td>
              </tr>
            );
          })}
        </Table>
      </div>
    </div>
  );
}

interface Area {
  part: Part;
  x: number;
  y: number;
  width: number;
  height: number;
  within: Area[];
}

interface DrawnProps {
  parts: Part[];
  pointed: string | undefined;
  point: (path: string | undefined) => void;
  enter: (part: Part) => void;
  isWasted: boolean;
}

function Drawn({ parts, pointed, point, enter, isWasted }: DrawnProps) {
  const place = useRef<HTMLDivElement>(null);
  const [width, resize] = useState(0);
  const [areas, draw] = useState<Area[]>([]);
  const height = Math.round(Math.min(480, Math.max(240, width * 0.6)));
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const observer = new ResizeObserver(() => resize(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (width === 0) return;
    let isLast = true;
    const laid = async () => {
      const areas = await layAll(parts, width, height);
      if (isLast) draw(areas);
    };
    // The table says the same.
    laid().catch(() => undefined);
    return () => {
      isLast = false;
    };
  }, [parts, width, height]);
  return (
    <div ref={place}>
      <svg class={`map ${isWasted ? "wasted" : ""}`} width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true" onMouseLeave={() => point(undefined)}>
        {areas.map((area) => (
          <g key={area.part.path} class={pointed === area.part.path ? "pointed" : ""} onMouseEnter={() => point(area.part.path)}>
            <Tile area={area} depth={0} enter={enter} />
          </g>
        ))}
      </svg>
    </div>
  );
}

function Tile({ area: { part, within, ...area }, depth, enter }: { area: Area; depth: number; enter: (part: Part) => void }) {
  const name = `${shown(part.name)}${part.isDirectory ? "/" : ""}`;
  return (
    <g class={`${part.isDirectory ? "directory" : "file"} depth-${Math.min(depth, 2)}`} onClick={(event) => {
      event.stopPropagation();
      enter(part);
    }}>
      <title>{`${name}, ${size(part.bytes)}`}</title>
      <rect {...area} />
      {within.map((area) => <Tile key={area.part.path} area={area} depth={depth + 1} enter={enter} />)}
      {/* What does not fit into its area is cut. */}
      {isNamed(area) && <svg {...area}><text x="5" y="13">{name}{area.width > 7 * name.length + 64 && `  ${size(part.bytes)}`}</text></svg>}
    </g>
  );
}

const isNamed = ({ width, height }: { width: number; height: number }) => width > NAMED && height > HEAD;

/** Divides the largest directories first, level by level. */
async function layAll(parts: Part[], width: number, height: number): Promise<Area[]> {
  const outer = await lay(parts, { x: 0, y: 0, width, height });
  let level = outer;
  let drawn = outer.length;
  for (let deep = 1; deep < DEEP; deep += 1) {
    const next: Area[] = [];
    for (const area of level) {
      const head = isNamed(area) ? HEAD : 2;
      const inside = { x: area.x + 2, y: area.y + head, width: area.width - 4, height: area.height - head - 2 };
      if (!area.part.isDirectory || inside.width < LEAST || inside.height < LEAST) continue;
      if (drawn > MOST_DRAWN) return outer;
      area.within = await lay(partsOf(area.part.weights, area.part.path), inside);
      drawn += area.within.length;
      next.push(...area.within);
    }
    level = next;
  }
  return outer;
}

async function lay(parts: Part[], { x, y, width, height }: { x: number; y: number; width: number; height: number }): Promise<Area[]> {
  const numbers = await treemap(parts.map(({ bytes }) => bytes), width, height);
  const areas = parts.slice(0, MOST).map((part, at) => {
    const [left = 0, top = 0, wide = 0, high = 0] = numbers.subarray(4 * at);
    return { part, x: x + left, y: y + top, width: wide, height: high, within: [] };
  });
  return areas.filter(({ width, height }) => width >= SEEN && height >= SEEN);
}
