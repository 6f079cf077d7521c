// Which names a piece of JavaScript takes from around it.
import { children } from "./source.js";

/** What is there without being declared. */
const BUILT_IN = "undefined Array ArrayBuffer BigInt BigUint64Array DataView Error FinalizationRegistry JSON Map Math Number Object Promise Reflect Set String Symbol TypeError Uint16Array Uint32Array Uint8Array WebAssembly console arguments".split(" ");

/** The names that statements declare among themselves, and those that every script has. */
export function declared(...bodies) {
  const names = new Set(BUILT_IN);
  for (const statement of bodies.flat()) {
    if (statement.type === "VariableDeclaration") for (const { id } of statement.declarations) bound(id, names);
    else if (statement.id) names.add(statement.id.name);
  }
  return names;
}

/** The names in a pattern. */
export function bound(pattern, names = new Set()) {
  if (pattern.type === "Identifier") names.add(pattern.name);
  else if (pattern.type === "ObjectPattern") for (const { value } of pattern.properties) bound(value, names);
  else if (pattern.type === "ArrayPattern") for (const element of pattern.elements) bound(element, names);
  return names;
}

/** Calls `seen` with each identifier that stands for a value from outside, with the node or list that holds it, and where. */
export function references(node, seen, hidden = new Set(), holder, key) {
  if (node.type === "Identifier") {
    if (!hidden.has(node.name)) seen(node, holder, key);
    return;
  }
  const inner = new Set(hidden);
  for (const parameter of /Function/.test(node.type) ? node.params : []) bound(parameter, inner);
  for (const child of children(node)) {
    // What a loop, a block or a body declares is seen nowhere else; `var` is used there alone by what is rewritten.
    if (node.type !== "VariableDeclaration" && child.type === "VariableDeclaration") for (const { id } of child.declarations) bound(id, inner);
  }
  for (const [name, value] of Object.entries(node)) {
    if (value === null || typeof value !== "object") continue;
    const named = (name === "property" || name === "key") && !node.computed;
    if (named || (node.type === "VariableDeclarator" && name === "id") || (/Function/.test(node.type) && name === "params")) continue;
    if (Array.isArray(value)) value.forEach((child, at) => typeof child?.type === "string" && references(child, seen, inner, value, at));
    else if (typeof value.type === "string") references(value, seen, inner, node, name);
  }
}
