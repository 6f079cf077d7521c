// What resources repeat: how one is made of a handle, how its handle is got back, and how its table begins.
import { call, expected, expression, identifier, lists, parse, replace, text, visit } from "./source.js";

/** What the functions call instead. */
export const RESOURCES = `
  function resource(rsc, handle, registry, table, drop) {
    Object.defineProperty(rsc, symbolRscHandle, { writable: true, value: handle });
    registry.register(rsc, handle, rsc);
    Object.defineProperty(rsc, symbolDispose, {
      writable: true,
      value: function () {
        registry.unregister(rsc);
        const handleEntry = rscTableRemove(table, handle);
        rsc[symbolDispose] = emptyFunc;
        rsc[symbolRscHandle] = undefined;
        exports0[drop](handleEntry.rep);
      },
    });
    return rsc;
  }
  function registry(table, drop) {
    return finalizationRegistryCreate((handle) => exports0[drop](rscTableRemove(table, handle).rep));
  }
  function dropping(table, drop) {
    return (handle) => {
      const handleEntry = rscTableRemove(table, handle);
      if (handleEntry.own) exports0[drop](handleEntry.rep);
    };
  }
  function repOf(rsc, table, name) {
    const handle = rsc[symbolRscHandle];
    if (!handle || (table[(handle << 1) + 1] & T_FLAG) === 0) throw new TypeError(\`Resource error: Not a valid "\${name}" resource.\`);
    return table[(handle << 1) + 1] & ~T_FLAG;
  }
`;

/** How a resource is made of a handle. */
const MADE = [
  /^var (rsc\d+) = (?:new\.target === \w+ \? this : )?Object\.create\(\w+\.prototype\);$/,
  /^Object\.defineProperty\((rsc\d+), symbolRscHandle, \{ writable: true, value: (handle\d+) \}\);$/,
  /^(finalizationRegistry\d+)\.register\((rsc\d+), (handle\d+), \2\);$/,
  /^Object\.defineProperty\((rsc\d+), symbolDispose, \{ writable: true, value: function \(\) \{ (finalizationRegistry\d+)\.unregister\(\1\); const handleEntry = rscTableRemove\((handleTable\d+), (handle\d+)\); \1\[symbolDispose\] = emptyFunc; \1\[symbolRscHandle\] = undefined; exports0\['(\d+)'\]\(handleEntry\.rep\); \} \}\);$/,
];
/** How the handle is got back. */
const TAKEN = [
  /^var (handle\d+) = (\w+)\[symbolRscHandle\];$/,
  /^if \(!(handle\d+) \|\| \((handleTable\d+)\[\(\1 << 1\) \+ 1\] & T_FLAG\) === 0\) \{ throw new TypeError\('Resource error: Not a valid \\"(\w+)\\" resource\.'\); \}$/,
  /^var (handle\d+) = (handleTable\d+)\[\((handle\d+) << 1\) \+ 1\] & ~T_FLAG;$/,
];

/** How a table begins, how what nobody holds any more is dropped, and how the component drops. */
const REGISTERED = /^const (finalizationRegistry\d+) = finalizationRegistryCreate\(\(?handle\)? => \{ const \{ ?rep ?\} = rscTableRemove\((handleTable\d+), handle\); exports0\['(\d+)'\]\(rep\); \}\);$/;
const DROPPED = /^function (trampoline\d+)\(handle\) \{ const handleEntry = rscTableRemove\((handleTable\d+), handle\); if \(handleEntry\.own\) \{ exports0\['(\d+)'\]\(handleEntry\.rep\); \} \}$/;
/** What is written into tables and never read: the numbers of all resources that ever were, and the one component's. */
const UNREAD = /^(handleTable\d+|table)\._(createdReps = new Set\(\)|createdReps\.add\(rep\)|componentIdx = 0);$/;

/** Rewrites the functions of a component. */
export function resources(component, instantiate) {
  visit(component, (node) => {
    if (/^Function/.test(node.type) && node.kind !== "constructor") node.body.body.forEach((statement) => replace(statement, created));
  });
  for (const list of lists(instantiate)) list.splice(0, list.length, ...list.filter((statement) => statement.type !== "ExpressionStatement" || !UNREAD.test(text(statement))));
  visit(instantiate, ({ name }) => expected(name !== "_createdReps", "numbers of resources that are written alone"));
  for (const list of lists(component)) {
    for (let at = 0; at < list.length; at += 1) {
      const made = matched(MADE, list, at);
      if (made) {
        const [[, rsc], [, , handle], [, registry], [, , , table, , drop]] = made;
        expected([made[1][1], made[2][2], made[3][1]].every((it) => it === rsc) && [made[2][3], made[3][4]].every((it) => it === handle) && made[3][2] === registry, "a resource made of one handle");
        const [{ init }] = list[at].declarations;
        list.splice(at, MADE.length, list[at]);
        list[at].declarations[0].init = call("resource", init, ...[handle, registry, table].map(identifier), expression(drop));
      }
      const dropped = DROPPED.exec(text(list[at])) ?? REGISTERED.exec(text(list[at]));
      if (dropped) [list[at]] = parse(`const ${dropped[1]} = ${dropped[1].startsWith("t") ? "dropping" : "registry"}(${dropped[2]}, ${dropped[3]});`).body;
      const taken = matched(TAKEN, list, at);
      if (taken) {
        const [[, handle, rsc], [, checked, table, name], [, , read, from]] = taken;
        expected(handle === checked && table === read && handle === from, "a handle got from one resource");
        list.splice(at, TAKEN.length, list[at + 2]);
        list[at].declarations[0].init = call("repOf", expression(rsc), identifier(table), expression(`"${name}"`));
      }
    }
  }
  visit(component, ({ type, callee, test }) => {
    const made = type === "CallExpression" && (callee.name === "finalizationRegistryCreate" || /^finalizationRegistry\d+$/.test(callee.object?.name ?? ""));
    expected(!made, "every resource made and dropped alike");
    expected(type !== "IfStatement" || !/^!handle\d+ \|\|/.test(text(test)), "every handle got in three statements");
  });
}

/** Outside of a constructor a resource is always a new one. */
const created = (node) => (/^new\.target === (\w+) \? this : Object\.create\(\1\.prototype\)$/.test(node.type === "ConditionalExpression" ? text(node) : "") ? node.alternate : undefined);

const matched = (patterns, list, at) => {
  const found = [];
  return patterns.every((pattern, index) => list[at + index] && found.push(pattern.exec(text(list[at + index]))) && found.at(-1)) ? found : undefined;
};
