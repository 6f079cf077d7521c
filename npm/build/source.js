// JavaScript as a tree: read, searched, changed in place, and printed again.
import { parse as read } from "acorn";
import { generate } from "astring";

/** Reads a module or, as they stand, the statements of a function. */
export const parse = (source) => read(source, { ecmaVersion: "latest", sourceType: "module" });
export const print = (tree) => generate(tree);
/** Reads one expression. */
export const expression = (source) => parse(`(${source})`).body[0].expression;
/** A node on one line: what patterns are held against. */
export const text = (node) => generate(node).replace(/\s+/g, " ").trim();
export const identifier = (name) => ({ type: "Identifier", name });
/** A call of a function that has a name. */
export const call = (name, ...given) => ({ type: "CallExpression", callee: identifier(name), arguments: given, optional: false });

/** The nodes that a node holds. */
export function* children(node) {
  for (const [key, value] of Object.entries(node)) {
    if (key === "type" || value === null || typeof value !== "object") continue;
    for (const child of Array.isArray(value) ? value : [value]) if (typeof child?.type === "string") yield child;
  }
}

/** Calls `seen` with every node, the innermost first. */
export function visit(node, seen) {
  for (const child of children(node)) visit(child, seen);
  seen(node);
}

/** Puts what `change` answers in a node's place, the innermost first; `undefined` leaves it. */
export function replace(node, change) {
  for (const [key, value] of Object.entries(node)) {
    if (value === null || typeof value !== "object") continue;
    if (Array.isArray(value)) value.forEach((child, at) => typeof child?.type === "string" && (value[at] = replace(child, change)));
    else if (typeof value.type === "string") node[key] = replace(value, change);
  }
  return change(node) ?? node;
}

/** Every list of statements in a node, the innermost first. */
export function* lists(node) {
  for (const child of children(node)) yield* lists(child);
  if (node.type === "BlockStatement" || node.type === "Program") yield node.body;
  if (node.type === "SwitchCase") yield node.consequent;
}

/** Fails where the source is not as it was when this was written: nothing may quietly be left as it is. */
export function expected(holds, what) {
  if (!holds) throw new Error(`expected ${what}: the generator changed`);
}
