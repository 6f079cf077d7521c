// Makes one function of what is read from memory alike in several places.
import { references } from "./names.js";
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

/** A copy of a tree. */
const copy = (node) => structuredClone(node);

/**
 * What an expression is of the one place in memory that it takes from around it, as text in which that place is `at`; and the
 * place. `undefined` where it takes more than one, or none.
 */
function about(node, known) {
  const places = [];
  references(node, (found, holder, key) => {
    if (known.has(found.name)) return;
    const added = !Array.isArray(holder) && holder?.type === "BinaryExpression" && holder.operator === "+" && key === "left" && holder.right.type === "Literal" && typeof holder.right.value === "number";
    places.push({ name: found.name, offset: added ? holder.right.value : 0 });
  });
  if (places.length === 0 || places.some(({ name }) => name !== places[0].name)) return undefined;
  return { name: places[0].name, offset: Math.min(...places.map(({ offset }) => offset)) };
}

/** The expression as a function of its place. */
function body(node, { name, offset }, known) {
  const holding = { held: copy(node) };
  const found = [];
  references(holding.held, (reference, holder, key) => {
    if (!known.has(reference.name)) found.push({ holder: holder ?? holding, key: key ?? "held" });
  });
  // What is added to is changed after what is found in it, so each place is looked up where it is held.
  for (const { holder, key } of found) {
    if (!Array.isArray(holder) && holder.type === "BinaryExpression" && key === "left" && holder.operator === "+" && typeof holder.right.value === "number") {
      holder.left = identifier("at");
      holder.right = { type: "Literal", value: holder.right.value - offset, raw: String(holder.right.value - offset) };
    } else holder[key] = identifier("at");
  }
  const held = replace(holding.held, (part) => (part.type === "BinaryExpression" && part.operator === "+" && part.left.name === "at" && part.right.value === 0 ? part.left : undefined));
  return held;
}

const place = ({ name, offset }) => (offset === 0 ? identifier(name) : expression(`${name} + ${offset}`));

/** Whether an expression may be worth a name: whatever is no place to assign to, and means the same in another function. */
function movable(node) {
  if (node.type === "MemberExpression" ? !/^names\d+$/.test(node.object.name) : !/^(ObjectExpression|ConditionalExpression|CallExpression)$/.test(node.type)) return false;
  let same = true;
  visit(node, ({ type }) => (same &&= !/^(ThisExpression|Super|MetaProperty|YieldExpression|AwaitExpression|AssignmentExpression|UpdateExpression)$/.test(type)));
  return same;
}
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
      if (innermost) chosen.set(node, it);
      else chosen.set(node, undefined);
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
