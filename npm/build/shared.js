// Makes the generator's JavaScript smaller, not different: what every function repeats becomes a function that is called.
import { FRAME, unframe } from "./frame.js";
import { Made, hoist } from "./hoist.js";
import { lend } from "./lend.js";
import { LIFTS, lift } from "./lifts.js";
import { LOWERS, lower, lowerNames } from "./lowers.js";
import { declared, references } from "./names.js";
import { RESOURCES, resources } from "./resources.js";
import { expected, parse, print, replace, text, visit } from "./source.js";
import { silence, unused } from "./unused.js";

/** Rewrites the source that the generator wrote for a component. */
export function shared(source) {
  const tree = parse(source);
  silence(tree);
  const instantiate = tree.body.find((statement) => /^export function instantiate\(/.test(text(statement)))?.declaration.body;
  expected(instantiate, "the function that instantiates");
  const component = instantiate.body.map((statement) => statement.declarations?.[0]).find((declared) => declared?.id.name === "gen")?.init.callee.body;
  expected(component, "the generator function that instantiates step by step");
  lend(component);
  unframe(component);
  instantiate.body.unshift(...parse(FRAME).body);
  resources(component, instantiate);
  const names = new Made("names");
  lift(component, names);
  lowerNames(component, names);
  component.body.unshift(...parse(names.source + accessors(component) + LIFTS + LOWERS + RESOURCES).body);
  const known = declared(instantiate.body, component.body);
  const lowered = new Made("lowered");
  lower(component, known, lowered);
  component.body.unshift(...parse(lowered.source).body);
  component.body.unshift(...parse(hoist(component, known)).body);
  unused(instantiate, component);
  complete(instantiate);
  replace(tree, (node) => (node.type === "BinaryExpression" && node.operator === "+" && node.left.type === "Identifier" && node.right.value === 0 ? node.left : undefined));
  return print(tree);
}

/** Fails where a statement was moved to where its names are not known. */
function complete(instantiate) {
  const known = declared(instantiate.body);
  const taken = new Set();
  references(instantiate, ({ name }) => known.has(name) || taken.add(name));
  for (const name of ["getCoreModule", "imports", "instantiateCore", "fetch", "URL", "TextDecoder", "TextEncoder"]) taken.delete(name);
  expected(taken.size === 0, `every name to be declared, not ${[...taken].join(", ")}`);
}

/** How memory is reached, by name. */
function accessors(component) {
  const used = new Set(["getUint32"]);
  visit(component, ({ type, callee }) => type === "CallExpression" && /^[gs]et(Uint|Int|BigInt|BigUint|Float)\d+$/.test(callee.name ?? "") && used.add(callee.name));
  return [...used]
    .map((name) => (name.startsWith("get") ? `function ${name}(at) { return dataView(memory0).${name}(at, true); }` : `function ${name}(at, value) { dataView(memory0).${name}(at, value, true); }`))
    .join("\n");
}
