// Makes one function of what is lowered alike in several places.
//
// Lowering begins with a variable of what is lowered, and goes on for as long as statements use a variable that was declared
// meanwhile. Such a run of statements is a function of the value, and of the place in memory that it is written to; it answers
// what the core function is given for the value.
import { added, bound, declares, identifiers, references } from "./names.js";
import { expected, expression, lists, parse, print, text, visit } from "./source.js";

/** What the functions call. */
export const LOWERS = `
  function lowerName(names, value, type) {
    const index = names.indexOf(value);
    if (index < 0) throw new TypeError(\`"\${value}" is not one of the cases of \${type}\`);
    return index;
  }
`;

/** What belongs to the function that it stands in. */
const ELSEWHERE = /\b(callCore|callHost|this|new\.target|return|symbolRscHandle|finalizationRegistry\d+|captureTable\d+)\b/;
/** The variables that lowering begins with. */
const BEGINS = /^(?:var|const) (?:(?:val|vec|variant)\d+ = |\{\w+: (?:v\d+_\d+|ptr\d+)\b)/;

/** Rewrites every choice of a number by a name; `names` takes the lists of them. */
export function lowerNames(component, names) {
  for (const list of lists(component)) {
    for (let at = list.length - 3; at >= 0; at -= 1) {
      const [, value] = list[at].type === "VariableDeclaration" ? (/^var (val\d+) = /.exec(text(list[at])) ?? []) : [];
      const [, name] = value && list[at + 2].type === "SwitchStatement" ? (/^let (enum\d+);$/.exec(text(list[at + 1])) ?? []) : [];
      if (!name || text(list[at + 2].discriminant) !== value) continue;
      const cases = list[at + 2].cases.map(({ test, consequent }) => `${test ? text(test) : "default"}: ${consequent.map(text).join(" ")}`);
      const [, type] = /^default: \{ throw new TypeError\(`"\$\{val\d+\}" is not one of the cases of ([\w-]+)`\); \}$/.exec(cases.pop()) ?? [];
      const found = cases.map((said, index) => new RegExp(`^'([\\w-]+)': \\{ ${name} = ${index}; break; \\}$`).exec(said)?.[1]);
      expected(type && !found.includes(undefined), "a number chosen by each name in turn");
      const table = JSON.stringify(found);
      const [statement] = parse(`const ${name} = lowerName(${names.of(table, (called) => `const ${called} = ${table};`)}, 0, "${type}");`).body;
      statement.declarations[0].init.arguments[1] = list[at].declarations[0].init;
      list.splice(at, 3, statement);
    }
  }
  visit(component, ({ left, right }) => expected(!/^enum\d+$/.test(left?.name ?? "") || typeof right?.value !== "number", "every number chosen by a switch"));
}

/** Rewrites the functions of a component, the innermost statements first. `known` are the names of what is around them. */
export function lower(component, known, made) {
  for (const list of lists(component)) encoded(list);
  visit(component, ({ name }) => expected(name !== "encodeRes", "every string lowered in three statements"));
  for (const list of lists(component)) {
    for (let at = list.length - 1; at >= 0; at -= 1) {
      if (list[at].type !== "VariableDeclaration" || !BEGINS.test(text(list[at]))) continue;
      const end = endOf(list, at);
      const run = functionOf(list.slice(at, end), list.slice(end), known);
      if (run) list.splice(at, end - at, run.calling(made.of(run.written, (name) => known.add(name) && `function ${name}${run.written}`)));
    }
  }
}

/** The place and the length of what was encoded, in one statement. */
function encoded(list) {
  for (let at = list.length - 3; at >= 0; at -= 1) {
    const [, ptr] = /^var (ptr\d+) = encodeRes\.ptr;$/.exec(text(list[at + 1])) ?? [];
    const [, len] = /^var (len\d+) = encodeRes\.len;$/.exec(text(list[at + 2])) ?? [];
    if (!ptr || !len || !/^var encodeRes = _utf8AllocateAndEncode\(/.test(text(list[at]))) continue;
    const [statement] = parse(`const {ptr: ${ptr}, len: ${len}} = 0;`).body;
    statement.declarations[0].init = list[at].declarations[0].init;
    list.splice(at, 3, statement);
  }
}

/** Where the run that begins with a statement ends. */
function endOf(list, at) {
  const names = new Set();
  let end = at;
  for (let next = at; next < list.length && !ELSEWHERE.test(text(list[next])); next += 1) {
    // What is given to a variable from outside is used after the run, not in it.
    if (list[next].expression?.type === "AssignmentExpression" && list[next].expression.left.type === "Identifier") break;
    if (next > at && !uses(list[next], names)) continue;
    // What stands between the two is moved with them.
    for (; end <= next; end += 1) declares(list[end], names);
  }
  return end;
}

function uses(node, names) {
  let found = false;
  identifiers(node, ({ name }) => (found ||= names.has(name)));
  return found;
}

/** A run of statements as a function: how it is written after its name, and how it is called by it. */
function functionOf(run, after, known) {
  if (run.length < 2) return undefined;
  const own = new Set();
  for (const statement of run) declares(statement, own);
  const answered = [...own].filter((name) => after.some((statement) => uses(statement, new Set([name]))));
  const block = { type: "BlockStatement", body: structuredClone(run) };
  const found = [];
  references(block, (node, holder, key) => known.has(node.name) || found.push({ name: node.name, node, holder, key, offset: added(holder, key) }));
  // A value is used as such, and a place only with an offset.
  const value = found.find(({ offset }) => offset === undefined)?.name;
  const place = found.find(({ name }) => name !== value)?.name;
  if (!value || found.some(({ name, offset }) => (name === value) !== (offset === undefined) || (name !== value && name !== place))) return undefined;
  const least = Math.min(...found.map(({ offset }) => offset ?? Infinity));
  for (const { name, node, holder } of found) {
    if (name === value) node.name = "value";
    else Object.assign(holder, expression(`at + ${holder.right.value - least}`));
  }
  const names = renamed(block);
  // Several answers have letters for names, so that what is written alike is alike.
  const together = (called) => (called.length === 1 ? called[0] : `{ ${called.map((name, index) => `${String.fromCharCode(97 + index)}: ${name}`).join(", ")} }`);
  if (answered.length > 0) block.body.push(...statements(`return ${together(answered.map((name) => names.get(name) ?? name))};`));
  return {
    written: `(${place ? "value, at" : "value"}) ${print(block)}`,
    calling: (name) => statements(`${answered.length > 0 ? `const ${together(answered)} = ` : ""}${name}(${value}${place ? `, ${place} + ${least}` : ""});`)[0],
  };
}

/** Reads statements that may return. */
const statements = (source) => parse(`function it() { ${source} }`).body[0].body.body;

/** Numbers the variables of a block from the first to the last. Returns what each is now called. */
function renamed(block) {
  const names = new Map();
  visit(block, (node) => {
    if (node.type === "VariableDeclarator") for (const name of bound(node.id)) if (/\d/.test(name) && !names.has(name)) names.set(name, `${name.replace(/[\d_]+$/, "")}_${names.size}`);
  });
  identifiers(block, (node) => {
    node.name = names.get(node.name) ?? node.name;
  });
  return names;
}
