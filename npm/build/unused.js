// Leaves out what nothing uses: a bundler does so for modules, not for what stands inside a function.
import { children, expected, lists, text } from "./source.js";

/** Leaves out what is only said to whoever debugs the generator. */
export function silence(tree) {
  let said = 0;
  for (const list of lists(tree)) {
    const kept = list.filter((statement) => statement.expression?.callee?.name !== "_debugLog");
    said += list.length - kept.length;
    list.splice(0, list.length, ...kept);
  }
  expected(said > 0, "_debugLog");
}

/**
 * Leaves out of functions, one inside the other, the statements that declare or assign what no other statement reads, until
 * there are none. What is left out so has no effect: an export of the component, a table, a constant, a function.
 */
export function unused(...functions) {
  const bodies = functions.map(({ body }) => body);
  const names = bodies.map((body) => body.map((statement) => reads(statement, functions)));
  for (let before = -1; before !== total(bodies); ) {
    before = total(bodies);
    const uses = new Map();
    for (const set of names.flat()) for (const name of set) uses.set(name, (uses.get(name) ?? 0) + 1);
    bodies.forEach((body, which) => {
      const kept = body.map((statement) => !defines(statement)?.every((name) => !uses.has(name)));
      body.splice(0, body.length, ...body.filter((_, at) => kept[at]));
      names[which] = names[which].filter((_, at) => kept[at]);
    });
  }
}

const total = (bodies) => bodies.reduce((sum, { length }) => sum + length, 0);

/** The names that a statement gives a meaning, where it does nothing else. */
function defines(statement) {
  if (/^(Function|Class)Declaration$/.test(statement.type)) return [statement.id.name];
  if (statement.type === "VariableDeclaration") {
    // A call may do something, other than the one that makes a symbol.
    const plain = ({ id, init }) => id.type === "Identifier" && (init?.type !== "CallExpression" || /^Symbol\b/.test(text(init)));
    return statement.declarations.every(plain) ? statement.declarations.map(({ id }) => id.name) : undefined;
  }
  const said = text(statement);
  // Where there is no suspension, asking for it once an export costs 150 ms: what is got by it is never called here.
  const promised = /^try \{ (\w+) = WebAssembly\.promising\((exports.*)\); \} catch \(err\) \{ \1 = \2; \}$/.exec(said);
  const assigned = promised ?? /^(\w+)(?:\.\w+|\[\d+\]) = (?:new Set\(\)|\w+|'.*');$/.exec(said) ?? /^(INSTANCE_FLAGS)\.set\(0, instanceFlags0\);$/.exec(said);
  return assigned ? [assigned[1]] : undefined;
}

/** The names that a statement reads, without what it defines and what is looked at on its own. */
function reads(statement, functions) {
  const found = new Set();
  const collect = (node) => {
    if (node.type === "Identifier") found.add(node.name);
    for (const child of children(node)) if (!functions.includes(child)) collect(child);
  };
  collect(statement);
  for (const name of defines(statement) ?? []) found.delete(name);
  return found;
}
