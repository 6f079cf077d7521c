// Writes what the generator lifts in many statements as one expression, of which the same ones are then found.
//
// A variable of the generator ends in a number, and a value is what all statements in a row with one number make. Nothing
// but memory is read meanwhile, so an expression may stand where its value is used.
import { references } from "./names.js";
import { call, expected, expression, identifier, lists, parse, replace, text, visit } from "./source.js";

/** What the expressions call. */
export const LIFTS = `
  function liftString(at) {
    return TEXT_DECODER_UTF8.decode(new Uint8Array(memory0.buffer, getUint32(at), getUint32(at + 4)));
  }
  function liftBytes(at) {
    const ptr = getUint32(at);
    return new Uint8Array(memory0.buffer.slice(ptr, ptr + getUint32(at + 4)));
  }
  function liftList(at, align, size, lift) {
    const length = getUint32(at + 4);
    const base = getUint32(at);
    if (base % align !== 0) throw new TypeError(\`list pointer [\${base}] is not aligned to \${align}\`);
    const result = [];
    for (let i = 0; i < length; i++) result.push(lift(base + i * size));
    return result;
  }
`;

const READ = String.raw`(?:var|let|const) (\w+) = getUint32\((\w+(?: \+ \d+)?)\);`;
const POINTER_FIRST = new RegExp(`^${READ}$`);

/** Rewrites the functions of a component. `names` takes the lists of names. */
export function lift(component, names) {
  replace(component, shortRead);
  for (const list of lists(component)) {
    for (let at = 0; at < list.length; at += 1) {
      const value = string(list, at) ?? bytes(list, at) ?? array(list, at) ?? chosen(list, at, names);
      if (!value) continue;
      list.splice(at, value.length, ...parse(`let ${value.name} = 0;`).body);
      list[at].declarations[0].init = value.made;
    }
    inline(list);
  }
  visit(component, (node) => {
    expected(node.name !== "TEXT_DECODER_UTF8", "every string lifted in three statements");
    expected(node.type !== "ForStatement" || !/\.push\(/.test(text(node)), "every list lifted in a loop of its own");
    expected(!/^enum\d+$/.test(node.left?.name ?? "") || typeof node.right.value !== "string", "every name of a list chosen by a switch");
  });
}

/** The accesses to memory, by name. */
function shortRead(node) {
  if (node.type !== "CallExpression" || node.callee.type !== "MemberExpression") return undefined;
  if (text(node.callee.object) !== "dataView(memory0)") return undefined;
  return call(node.callee.property.name, ...node.arguments.slice(0, -1));
}

/** Reads `X` and `X + 4` into two variables, the pointer first or the length first. */
function pair(list, at) {
  const one = POINTER_FIRST.exec(text(list[at]));
  const other = one && list[at + 1] && POINTER_FIRST.exec(text(list[at + 1]));
  if (!other) return undefined;
  const [first, second] = offset(other[2]) > offset(one[2]) ? [one, other] : [other, one];
  if (offset(second[2]) !== offset(first[2]) + 4 || second[2].split(" ")[0] !== first[2].split(" ")[0]) return undefined;
  return { pointer: first[1], length: second[1], at: expression(first[2]) };
}

const offset = (place) => Number(place.split(" + ")[1] ?? 0);

function string(list, at) {
  const read = pair(list, at);
  const made = read && list[at + 2] && /^var (\w+) = TEXT_DECODER_UTF8\.decode\(new Uint8Array\(memory0\.buffer, (\w+), (\w+)\)\);$/.exec(text(list[at + 2]));
  return made && made[2] === read.pointer && made[3] === read.length ? { name: made[1], length: 3, made: call("liftString", read.at) } : undefined;
}

function bytes(list, at) {
  const read = pair(list, at);
  // Whatever is a whole number is aligned to one.
  if (!read || text(list[at + 2] ?? list[at]) !== `if (${read.pointer} % 1 !== 0) throw new TypeError(\`list pointer [\${${read.pointer}}] is not aligned to 1\`);`) return undefined;
  const made = list[at + 3] && /^var (\w+) = new Uint8Array\(memory0\.buffer\.slice\((\w+), \2 \+ (\w+) \* 1\)\);$/.exec(text(list[at + 3]));
  return made && made[2] === read.pointer && made[3] === read.length ? { name: made[1], length: 4, made: call("liftBytes", read.at) } : undefined;
}

function array(list, at) {
  const read = pair(list, at);
  if (!read || list[at + 4]?.type !== "ForStatement") return undefined;
  const aligned = /^if \((\w+) % (\d+) !== 0\) throw new TypeError\(`list pointer \[\$\{\1\}\] is not aligned to \2`\);$/.exec(text(list[at + 2]));
  const empty = /^var (\w+) = \[\];$/.exec(text(list[at + 3]));
  const loop = list[at + 4];
  const body = [...loop.body.body];
  const base = /^const base = (\w+) \+ i \* (\d+);$/.exec(text(body[0] ?? loop));
  const pushed = body.at(-1)?.expression;
  if (!aligned || !empty || !base || base[1] !== read.pointer || aligned[1] !== read.pointer) return undefined;
  if (text({ ...loop, body: { type: "BlockStatement", body: [] } }) !== `for (let i = 0; i < ${read.length}; i++) {}`) return undefined;
  if (pushed?.type !== "CallExpression" || text(pushed.callee) !== `${empty[1]}.push`) return undefined;
  const statements = body.slice(1, -1);
  const [value] = pushed.arguments;
  const lifted = expression("(base) => 0");
  lifted.body = statements.length === 0 ? value : { type: "BlockStatement", body: [...statements, { type: "ReturnStatement", argument: value }] };
  lifted.expression = statements.length === 0;
  const named = lifted.expression && /^(\w+)\(base \+ 0\)$/.exec(text(value));
  return { name: empty[1], length: 5, made: call("liftList", read.at, expression(aligned[2]), expression(base[2]), named ? identifier(named[1]) : lifted) };
}

/** What a number in memory chooses: one of a list of names, or one of two or more values. */
function chosen(list, at, names) {
  const name = /^let (\w+);$/.exec(text(list[at]))?.[1];
  const next = list[at + 1];
  if (!name || !next) return undefined;
  if (next.type === "IfStatement" && next.alternate) {
    const [one, other] = [next.consequent, next.alternate].map((block) => assigned(block.body, name));
    return one && other && { name, length: 2, made: { type: "ConditionalExpression", test: next.test, consequent: one, alternate: other } };
  }
  if (next.type !== "SwitchStatement") return undefined;
  const cases = next.cases.map(({ test, consequent }, index) => {
    const block = consequent[0]?.body ?? [];
    return consequent.length === 1 && test && text(test) === String(index) && block.at(-1)?.type === "BreakStatement" ? assigned(block.slice(0, -1), name) : undefined;
  });
  if (cases.length === 0 || cases.includes(undefined)) return undefined;
  if (cases.every(({ type, value }) => type === "Literal" && typeof value === "string")) {
    const table = JSON.stringify(cases.map(({ value }) => value));
    return { name, length: 2, made: { type: "MemberExpression", object: identifier(names.of(table, (called) => `const ${called} = ${table};`)), property: next.discriminant, computed: true, optional: false } };
  }
  const chooser = expression("(() => { switch (0) {} })()");
  chooser.callee.body.body[0] = { ...next, cases: next.cases.map(({ type, test }, index) => ({ type, test, consequent: [{ type: "ReturnStatement", argument: cases[index] }] })) };
  return { name, length: 2, made: chooser };
}

/** What a block does nothing but assign to a variable. */
function assigned(block, name) {
  if (block.length !== 1 || block[0].type !== "ExpressionStatement") return undefined;
  const { expression: { type, left, right } } = block[0];
  return type === "AssignmentExpression" && left.name === name ? right : undefined;
}

/** What is more than reading memory. */
const EFFECT = /\b(callCore|callHost|realloc\d+|set[A-Z]\w+|defineProperty|capture\w+)\b/;
const READING = /^(get[A-Z]\w+|lift[A-Z]\w+|BigInt|BigInt\.asUintN|Object\.create|resource)$/;
const INERT = /^(Literal|TemplateLiteral|TemplateElement|Identifier|MemberExpression|ObjectExpression|Property|ArrayExpression|ConditionalExpression|BinaryExpression|UnaryExpression|LogicalExpression|ArrowFunctionExpression|BlockStatement|ReturnStatement|VariableDeclaration|VariableDeclarator|SwitchStatement|SwitchCase|CallExpression)$/;

/** Whether an expression reads memory and does nothing else. */
function reading(init) {
  let only = true;
  visit(init, ({ type, callee }) => {
    if (!INERT.test(type) || (type === "CallExpression" && callee.type !== "ArrowFunctionExpression" && !READING.test(text(callee)))) only = false;
  });
  return only && /\b(get[A-Z]|lift[A-Z]|resource)|^\{|^ret$/.test(text(init));
}

/** Puts what is read once where it is used, unless something is done in between. */
function inline(list) {
  for (let at = list.length - 2; at >= 0; at -= 1) {
    const { type, declarations } = list[at];
    if (type !== "VariableDeclaration" || declarations.length !== 1) continue;
    const [{ id, init }] = declarations;
    if (id.type !== "Identifier" || !init || !reading(init)) continue;
    const uses = [];
    for (const statement of list.slice(at + 1)) references(statement, (node, holder, key) => node.name === id.name && uses.push({ statement, holder, key }));
    if (uses.length !== 1) continue;
    const [{ statement, holder, key }] = uses;
    if (list.slice(at + 1, list.indexOf(statement) + 1).some((passed) => EFFECT.test(text(passed)))) continue;
    holder[key] = init;
    list.splice(at, 1);
  }
}
