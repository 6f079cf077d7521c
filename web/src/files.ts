/** Lists of files as trees: their order, what is in sight, what was looked for. */
import type { Difference, Kind, Node } from "portolan";
import type { Row } from "./elements/rows.tsx";

/** A file of the merged image, or a change that a layer made. */
export interface Item extends Row {
  path: string;
  name: string;
  isDirectory: boolean;
  kind?: Kind;
  size?: number;
  /** The layer that it comes from, counted from 0. */
  layer?: number;
  action?: Difference["action"];
  node?: Node;
  /** In a list of what fits best, the parts of the path that were looked for: where each begins and ends. */
  marks?: number[];
}

function item(path: string, isDirectory: boolean, rest: Partial<Item>): Item {
  return { path, name: path.slice(path.lastIndexOf("/") + 1), depth: path.split("/").length - 1, isDirectory, ...rest };
}

/** A tree of nodes as they come from a walk, without the root. */
export async function ofNodes(nodes: AsyncIterable<Node>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const node of nodes) {
    if (node.path !== "") items.push(item(node.path, node.kind === "directory", { kind: node.kind, layer: node.layer, node, ...(node.size !== undefined && { size: node.size }) }));
  }
  return items;
}

/** A tree of what a layer changed, with the directories on the way to it. */
export async function ofDifferences(differences: AsyncIterable<Difference>): Promise<Item[]> {
  const items: Item[] = [];
  let parents: string[] = [];
  for await (const { action, isDirectory, path, sizeAfter, sizeBefore } of differences) {
    if (path === "") continue;
    const way = path.split("/").slice(0, -1);
    const known = way.findIndex((name, at) => parents[at] !== name);
    for (let length = known < 0 ? way.length : known; length < way.length; length += 1) items.push(item(way.slice(0, length + 1).join("/"), true, {}));
    items.push(item(path, isDirectory, { action, size: action === "removed" ? sizeBefore : sizeAfter }));
    parents = isDirectory ? [...way, path.slice(path.lastIndexOf("/") + 1)] : way;
  }
  return items;
}

/** Whether a path is looked for: a part of it, or a pattern with `*` and `?`; `**` is any number of directories. */
export function matcher(query: string): (path: string) => boolean {
  const wanted = query.trim().replace(/^\//, "");
  if (!/[*?]/.test(wanted)) {
    const lower = wanted.toLowerCase();
    return (path) => path.toLowerCase().includes(lower);
  }
  const parts = wanted.split(/(\*\*\/?|\*|\?)/).map((part) => {
    if (part.startsWith("**")) return part.endsWith("/") ? "(?:[^/]+/)*" : ".*";
    return part === "*" ? "[^/]*" : part === "?" ? "[^/]" : part.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  });
  // A pattern without a directory is for names, wherever they are.
  const pattern = new RegExp(`^${wanted.includes("/") ? "" : "(?:.*/)?"}${parts.join("")}$`, "su");
  return (path) => pattern.test(path);
}

const POWERS = { "": 0, k: 1, m: 2, g: 3, t: 4 };

/** Whether a size is looked for, such as `>1MB`, `<10k` or `4096`, which is the least; nothing for what is no size. */
export function sizeMatcher(wanted: string): ((size: number | undefined) => boolean) | undefined {
  const parts = /^\s*([<>]=?|=)?\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*$/i.exec(wanted);
  if (!parts) return undefined;
  const [, sign = ">=", number, unit = "", binary] = parts;
  const bytes = Number(number) * (binary ? 1024 : 1000) ** (POWERS[unit.toLowerCase() as keyof typeof POWERS] ?? 0);
  return (size) => size !== undefined && (sign === ">" ? size > bytes : sign === "<" ? size < bytes : sign === ">=" ? size >= bytes : sign === "<=" ? size <= bytes : size === bytes);
}

/** What files are asked for; what is empty asks for nothing. */
export interface Asked {
  /** A part of the path, or a pattern. */
  query?: string | undefined;
  /** What it is, where it is one of {@link Kind}. */
  kind?: string | undefined;
  /** What the layer did to it. */
  change?: string | undefined;
  /** How large it is, as {@link sizeMatcher} has it. */
  size?: string | undefined;
}

/** Whether a file is as it is asked for, whatever it is called. */
export function fitting({ kind, change, size = "" }: Asked): (item: Item) => boolean {
  const fits = sizeMatcher(size);
  return (one) => {
    // Of what a layer changed, nothing but directories says what it is.
    const isKind = !kind || (one.action ? one.isDirectory === (kind === "directory") : one.kind === kind);
    return isKind && (!change || one.action === change) && (!fits || (!one.isDirectory && fits(one.size)));
  };
}

/** What is looked for with the directories on the way, all of them open. */
export function found(items: Item[], asked: Asked): { rows: Item[]; hits: number } {
  const matches = matcher(asked.query ?? "");
  const fits = fitting(asked);
  const way: Item[] = [];
  const rows: Item[] = [];
  let hits = 0;
  let shownTo = 0;
  for (const one of items) {
    way.length = one.depth;
    shownTo = Math.min(shownTo, one.depth);
    if (fits(one) && matches(one.path)) {
      for (const parent of way.slice(shownTo)) rows.push({ ...parent, isOpen: true });
      rows.push(one.isDirectory ? { ...one, isOpen: true } : one);
      shownTo = one.depth + 1;
      hits += 1;
    }
    way[one.depth] = one;
  }
  return { rows, hits };
}

/** What is in sight when only these directories are open. */
export function inSight(items: Item[], open: ReadonlySet<string>): Item[] {
  const rows: Item[] = [];
  let closed = Number.POSITIVE_INFINITY;
  for (const one of items) {
    if (one.depth > closed) continue;
    closed = Number.POSITIVE_INFINITY;
    if (!one.isDirectory) {
      rows.push(one);
      continue;
    }
    const isOpen = open.has(one.path);
    if (!isOpen) closed = one.depth;
    rows.push({ ...one, isOpen });
  }
  return rows;
}
