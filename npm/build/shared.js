// Makes the generator's JavaScript smaller, not different: what every function repeats becomes a function that is called.
import { FRAME, unframe } from "./frame.js";
import { lend } from "./lend.js";
import { expected, parse, print, text } from "./source.js";
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
  unused(instantiate, component);
  return print(tree);
}
