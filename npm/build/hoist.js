// Makes one function of what is read from memory alike in several places.
import { added, references } from "./names.js";
import { call, children, expression, identifier, parse, print, replace, text, visit } from "./source.js";

/** Names that belong to what is made here, in the order of their making. */
export class Made {
  #names = new Map();
  #statements = [];
  #prefix;
  constructor(prefix) {
    this.#prefix = prefix;
  }
  /** The name of a value, made once: `write` says how it is declared. */
  of(key, write) {
    if (!this.#names.has(key)) {
      const name = `${this.#prefix}${this.#names.size}`;
      this.#names.set(key, name);
      this.#statements.push(write(name));
    }
    return this.#names.get(key);
  }
  get source() {
    return this.#statements.join("\n");
  }
}

/** The one place in memory that an expression takes from around it, the first byte of it that is used; or `undefined`. */
function about(node, known) {
  const places = [];
  references(node, ({ name }, holder, key) => known.has(name) || places.push({ name, offset: added(holder, key) ?? 0 }));
  if (places.length === 0 || places.some(({ name }) => name !== places[0].name)) return undefined;
  return { name: places[0].name, offset: Math.min(...places.map(({ offset }) => offset)) };
}

/** The expression as it is in a function of its place, which is `at` there. */
function body(node, { offset }, known) {
  const holding = { held: structuredClone(node) };
  const found = [];
  references(holding.held, ({ name }, holder = holding, key = "held") => known.has(name) || found.push({ holder, key }));
  for (const { holder, key } of found) {
    const more = added(holder, key);
    if (more === undefined) holder[key] = identifier("at");
    else Object.assign(holder, expression(`at + ${more - offset}`));
  }
  return replace(holding.held, (part) => (none(part) ? part.left : undefined));
}

/** Whether nothing is added to the place. */
const none = ({ type, left, right, operator }) => type === "BinaryExpression" && operator === "+" && left.name === "at" && right.value === 0;

const place = ({ name, offset }) => (offset === 0 ? identifier(name) : expression(`${name} + ${offset}`));

/** Whether an expression may be worth a name: whatever is no place to assign to, and means the same in another function. */
function movable(node) {
  if (node.type === "MemberExpression" ? !/^names\d+$/.test(node.object.name) : !/^(ObjectExpression|ConditionalExpression|CallExpression)$/.test(node.type)) return false;
  let same = true;
  visit(node, ({ type }) => (same &&= !/^(ThisExpression|Super|MetaProperty|YieldExpression|AwaitExpression|AssignmentExpression|UpdateExpression)$/.test(type)));
  return same;
}

/** A choice of one of several values is written as a function that is called, and becomes one. */
const isChooser = (node) => node.type === "CallExpression" && node.callee.type === "ArrowFunctionExpression";

/** Hoists what is found twice, the innermost first, and each chooser. Returns what declares it; `known` learns its names. */
export function hoist(component, known) {
  const made = new Made("lifted");
  for (let changed = true; changed; ) {
    changed = false;
    const candidates = new Map();
    const seen = new Map();
    visit(component, (node) => {
      const found = movable(node) && about(node, known);
      if (!found) return;
      const written = text(body(node, found, known));
      if (written.length < LEAST && !isChooser(node)) return;
      candidates.set(node, { found, written });
      seen.set(written, (seen.get(written) ?? 0) + 1);
    });
    // What holds another one waits for the next turn, when it is shorter.
    const chosen = new Map();
    for (const [node, it] of candidates) {
      if (seen.get(it.written) < 2 && !isChooser(node)) continue;
      let innermost = true;
      for (const child of children(node)) visit(child, (inner) => (innermost &&= !chosen.has(inner)));
      chosen.set(node, innermost ? it : undefined);
    }
    replace(component, (node) => {
      const it = chosen.get(node);
      if (!it) return eta(node);
      changed = true;
      return call(made.of(it.written, (name) => declaration(name, node, it.found, known)), place(it.found));
    });
  }
  return made.source;
}

/** Shorter than this nothing is worth a name. */
const LEAST = 24;

/** A function that only calls another one is that one. */
function eta(node) {
  if (node.type !== "ArrowFunctionExpression" || node.params.length !== 1 || node.body.type !== "CallExpression") return undefined;
  const { callee, arguments: given } = node.body;
  return callee.type === "Identifier" && given.length === 1 && given[0].name === node.params[0].name ? callee : undefined;
}

function declaration(name, node, found, known) {
  known.add(name);
  const lifted = body(node, found, known);
  return isChooser(node) ? `function ${name}(at) ${print(lifted.callee.body)}` : `const ${name} = (at) => (${print(lifted)});`;
}
