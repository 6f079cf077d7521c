// Which names a piece of JavaScript takes from around it.
import { children } from "./source.js";

/** What is there without being declared. */
const BUILT_IN = "undefined Array ArrayBuffer BigInt BigUint64Array DataView Error FinalizationRegistry JSON Map Math Number Object Promise Reflect Set String Symbol TypeError Uint16Array Uint32Array Uint8Array WebAssembly console arguments".split(" ");

/** The names that statements declare among themselves, and those that every script has. */
export function declared(...bodies) {
  const names = new Set(BUILT_IN);
  for (const statement of bodies.flat()) declares(statement, names);
  return names;
}

/** The names that a statement declares. */
export function declares(statement, names = new Set()) {
  if (statement.type === "VariableDeclaration") for (const { id } of statement.declarations) bound(id, names);
  else if (/^(Function|Class)Declaration$/.test(statement.type)) names.add(statement.id.name);
  return names;
}

/** The names in a pattern. */
export function bound(pattern, names = new Set()) {
  if (pattern.type === "Identifier") names.add(pattern.name);
  else if (pattern.type === "ObjectPattern") for (const { value } of pattern.properties) bound(value, names);
  else if (pattern.type === "ArrayPattern") for (const element of pattern.elements) bound(element, names);
  else if (pattern.type === "RestElement") bound(pattern.argument, names);
  else if (pattern.type === "AssignmentPattern") bound(pattern.left, names);
  return names;
}

/** What of a node is a name and no value. */
const NAMING = { property: ({ computed }) => !computed, key: ({ computed }) => !computed, id: () => true, params: () => true, param: () => true, meta: () => true };

/** Calls `seen` with each identifier that stands for a value from outside, with the node or list that holds it, and where. */
export function references(node, seen, hidden = new Set(), holder, key) {
  if (node.type === "Identifier") {
    if (!hidden.has(node.name)) seen(node, holder, key);
    return;
  }
  if (node.type === "MetaProperty") return;
  const inner = new Set(hidden);
  for (const parameter of node.params ?? (node.param ? [node.param] : [])) bound(parameter, inner);
  // What a block, a loop or a switch declares is used nowhere else, not even where it is a `var`.
  for (const child of children(node)) if (node.type !== "ExportNamedDeclaration") declares(child, inner);
  for (const [name, value] of Object.entries(node)) {
    if (value === null || typeof value !== "object" || NAMING[name]?.(node)) continue;
    if (Array.isArray(value)) value.forEach((child, at) => typeof child?.type === "string" && references(child, seen, inner, value, at));
    else if (typeof value.type === "string") references(value, seen, inner, node, name);
  }
}

/** Calls `seen` with every identifier but the names of properties. */
export function identifiers(node, seen) {
  if (node.type === "Identifier") seen(node);
  for (const [name, value] of Object.entries(node)) {
    if (value === null || typeof value !== "object" || ((name === "property" || name === "key") && !node.computed)) continue;
    for (const child of Array.isArray(value) ? value : [value]) if (typeof child?.type === "string") identifiers(child, seen);
  }
}

/** The number that is added to what a node holds, which is how a place in memory is written; `undefined` where none is. */
export function added(holder, key) {
  const sum = holder?.type === "BinaryExpression" && holder.operator === "+" && key === "left" && holder.right.type === "Literal";
  return sum && typeof holder.right.value === "number" ? holder.right.value : undefined;
}
