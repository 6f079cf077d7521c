/** How two images differ, as far as their configs and the entries of their trees tell. */
import type { Config, Image, Node } from "portolan";
import { decodingOf } from "./decoding.ts";
import { platformName } from "./text.ts";

export interface FileDifference {
  path: string;
  what: "added" | "removed" | "modified";
  /** For a person, such as `mode 644 → 755`. */
  how: string;
  /** Bytes of content; nothing for what is no file, or not there. */
  here?: number;
  there?: number;
}

/** What of configs differs: what it is called, and both sides. Variables and labels are compared one by one. */
export function configDifferences(left: Image, right: Image): [string, string, string][] {
  const [here, there] = [flat(left.config), flat(right.config)];
  const names = [...new Set([...here.keys(), ...there.keys()])];
  return names.map((name): [string, string, string] => [name, here.get(name) ?? "", there.get(name) ?? ""]).filter(([, a, b]) => a !== b);
}

function flat(config: Config | undefined): Map<string, string> {
  if (!config) return new Map();
  const { diffIds: _, env, history: __, labels, platform, ...rest } = config;
  const variables = env.map((variable): [string, string] => {
    const [name = "", value = ""] = variable.split(/=(.*)/s);
    return [`variable ${name}`, value];
  });
  const others = Object.entries(rest).map(([name, value]): [string, string] => [name, typeof value === "string" ? value : JSON.stringify(value)]);
  return new Map([["platform", platformName(platform)], ...others, ...variables, ...Object.entries(labels).map(([name, value]): [string, string] => [`label ${name}`, value])]);
}

/** After so many paths the page may draw. */
const STRETCH = 4000;
const breath = () => new Promise((resolve) => setTimeout(resolve));

/** The paths that differ in size, mode, owner, time or target, or are there on one side alone; in the order of their names. */
export async function fileDifferences(left: Image, right: Image, signal: AbortSignal): Promise<FileDifference[]> {
  // One after the other: together they would be twice as much at once.
  const ours = await decodingOf(left).nodes();
  const theirs = await decodingOf(right).nodes();
  const there = new Map<string, Node>();
  const differences: FileDifference[] = [];
  const steps = function* () {
    for (const node of theirs) yield there.set(node.path, node);
    for (const a of ours) {
      const b = there.get(a.path);
      there.delete(a.path);
      yield b ? both(a, b, differences) : differences.push({ path: a.path, what: "removed", how: a.kind, ...(a.size !== undefined && { here: a.size }) });
    }
    for (const b of there.values()) yield differences.push({ path: b.path, what: "added", how: b.kind, ...(b.size !== undefined && { there: b.size }) });
  };
  let count = 0;
  for (const _ of steps()) {
    count += 1;
    if (count % STRETCH === 0) await breath();
    signal.throwIfAborted();
  }
  return differences.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function both(a: Node, b: Node, differences: FileDifference[]) {
  if (a.kind === b.kind && a.size === b.size && a.mode === b.mode && a.uid === b.uid && a.gid === b.gid && a.target === b.target && a.mtime.seconds === b.mtime.seconds) return;
  const sides: [string, unknown, unknown][] = [["kind", a.kind, b.kind], ["size", a.size, b.size], ["mode", a.mode.toString(8), b.mode.toString(8)], ["owner", `${a.uid}:${a.gid}`, `${b.uid}:${b.gid}`], ["target", a.target, b.target], ["time", a.mtime.seconds, b.mtime.seconds]];
  const how = sides.filter(([, x, y]) => x !== y).map(([name, x, y]) => `${name} ${x ?? "none"} → ${y ?? "none"}`).join(", ");
  differences.push({ path: a.path, what: "modified", how, ...(a.size !== undefined && { here: a.size }), ...(b.size !== undefined && { there: b.size }) });
}
