// Takes the frame off every function of a component.
//
// The generator surrounds each call with a task that could suspend, be cancelled, lend handles and wait for others. All that
// comes of it here is that a trap closes the instance, and that nothing may be imported while `post-return` runs: no function
// of these components is asynchronous and none borrows but what its own component made, or the patterns below would not be found.
import { call, expected, identifier, lists, parse, replace, text, visit } from "./source.js";

/** What the functions call instead, with the errors of the generator. */
export const FRAME = `
  let trapped = false;
  let mayLeave = true;
  function enter() {
    if (trapped) throw new WebAssemblyRuntimeError("wasm trap: cannot enter component instance");
  }
  function failed(error) {
    if (error instanceof WebAssemblyRuntimeError) {
      _normalizeCoreTrap(error);
      trapped = true;
    }
    return error;
  }
  function callCore(exported, ...given) {
    try {
      return exported(...given);
    } catch (error) {
      throw failed(error);
    }
  }
  function callHost(imported) {
    try {
      return imported();
    } catch (error) {
      throw failed(error);
    }
  }
  function valueOf(result) {
    if (typeof result === "object" && result.tag === "err") throw result.val;
    return result.val;
  }
  function returned(value, postReturn, ret) {
    mayLeave = false;
    postReturn(ret);
    mayLeave = true;
    return value;
  }
  function valueReturned(result, postReturn, ret) {
    return valueOf(returned(result, postReturn, ret));
  }
  function guard(imported) {
    return (...given) => {
      if (!mayLeave) throw new WebAssemblyRuntimeError("cannot leave component instance");
      return imported(...given);
    };
  }
`;

/** How an exported function begins, statement by statement. */
const EXPORTED = [
  /^const hostProvided = false;$/,
  /^getOrCreateAsyncState\(0\)\.throwIfTrapped\(\);$/,
  /^const \[task, _wasm_call_currentTaskID\] = createNewCurrentTask\(\{ componentIdx: 0, isAsync: false, isManualAsync: false, preserveFutureResult: false, entryFnName: '[\w$]+', getCallbackFn: \(\) => null, callbackFnName: null, errHandling: '[\w-]+', callingWasmExport: true \}\);$/,
  /^task\.setCalleeIsAsync\(false\);$/,
  /^const started = task\.enterSync\(\);$/,
  /^CURRENT_TASK_MAY_BLOCK\.value = task\.mayBlock\(\) \? 1 : 0;$/,
  /^if \((0|null) !== null\) \{ task\.setReturnMemoryIdx\(\1\); task\.setReturnMemory\(\(\(\) => (memory0|null)\)\(\)\); \}$/,
  /^return _withGlobalCurrentTaskMeta\(\{ taskID: task\.id\(\), componentIdx: task\.componentIdx\(\), fn: \(\) => \{ try \{.*\} catch \(err\) \{ if \(!task\.isResolvedState\(\)\) \{ task\.setErrored\(err\); task\.reject\(err\); \} if \(!task\.isExited\(\)\) \{ task\.exit\(\{ skipExclusiveLockCheck: true \}\); \} throw err; \} \} \}\);$/,
];
/** What stands before the call of what is imported. */
const IMPORTED = [
  /^const hostProvided = true;$/,
  /^let parentTask;$/,
  /^let task;$/,
  /^let subtask;$/,
  /^const createTask = \(\) => \{ const results = createNewCurrentTask\(\{ componentIdx: -1, isAsync: false,/,
  /^taskCreation: \{/,
  /^const started = task\.enterSync\(\);$/,
];
/** Both catch what they call alike. */
const CAUGHT = /^\{ getOrCreateAsyncState\(0\)\.markTrapped\(err\); task\.setErrored\(err\); task\.reject\(err\); task\.exit\(\); throw err; \}$/;
/** What a task is told on the way out. */
const TOLD = /^(task\.resolve\(\[.*\]\)|task\.exit\(\)|let cstate = getOrCreateAsyncState\(0\)|cstate\.mayLeave = (true|false));$/;
const THROWN = /^if \(typeof (\w+) === 'object' && \1\.tag === 'err'\) \{ throw \1\.val; \}$/;

/** Takes the frames off the functions in the component's own part of the source. */
export function unframe(component) {
  const wanted = { exported: matches(component, /^\w+ = exports\d+\['(?!cabi_post_)[^']+#[^']+'\];$/), imported: matches(component, /^_trampoline\d+\.fnName = /) };
  const found = { exported: 0, imported: 0 };
  visit(component, (node) => {
    if (node.type !== "FunctionDeclaration" && node.type !== "FunctionExpression") return;
    const { body } = node.body;
    if (EXPORTED.every((pattern, at) => body[at] && pattern.test(text(body[at]))) && body.length === EXPORTED.length) {
      const framed = body.at(-1).argument.arguments[0].properties[2].value.body.body[0].block.body;
      node.body.body = [...parse("enter();").body, ...framed];
      called(node, (inner) => call("callCore", inner.callee, ...inner.arguments));
      found.exported += 1;
    }
    const start = body.findIndex((statement) => IMPORTED[0].test(text(statement)));
    if (start >= 0 && IMPORTED.every((pattern, at) => pattern.test(text(body[start + at])))) {
      body.splice(start, IMPORTED.length);
      // Tracking counts what is awaited only.
      called(node, (tracked) => call("callHost", tracked.arguments[0]));
      found.imported += 1;
    }
  });
  for (const kind of ["exported", "imported"]) expected(found[kind] === wanted[kind], `${wanted[kind]} ${kind} functions in their frames, not ${found[kind]}`);
  replace(component, lowered);
  visit(component, (node) => expected(node.type !== "Identifier" || !/^(task|cstate|createNewCurrentTask|_withGlobalCurrentTaskMeta|_lowerImportBackwardsCompat)$/.test(node.name), `nothing left of tasks, not ${node.name}`));
}

/** How many statements match. */
function matches(component, pattern) {
  let count = 0;
  for (const list of lists(component)) count += list.filter((statement) => statement.type === "ExpressionStatement" && pattern.test(text(statement))).length;
  return count;
}

/** Takes what remains of its frame out of a function, and puts a call in place of the one that is tried. */
function called(node, change) {
  let tried = 0;
  for (const list of lists(node)) {
    for (const [at, statement] of list.entries()) {
      if (statement.type !== "TryStatement" || !CAUGHT.test(text(statement.handler.body))) continue;
      const [{ expression }] = statement.block.body;
      const task = expression.type === "AssignmentExpression" ? expression.right : expression;
      const inner = change(task.arguments[0].properties.at(-1).value.body);
      expected(text(list[at - 1]) === "let ret;", "a variable for what is returned");
      list.splice(at - 1, 2, task === expression ? { ...statement.block.body[0], expression: inner } : declaring("ret", inner));
      tried += 1;
    }
  }
  expected(tried === 1, `one call in a function, not ${tried}`);
  for (const list of lists(node)) {
    list.splice(0, list.length, ...list.filter((statement) => !TOLD.test(text(statement))));
    ending(list);
  }
}

const declaring = (name, init) => ({ type: "VariableDeclaration", kind: "const", declarations: [{ type: "VariableDeclarator", id: identifier(name), init }] });

/** Writes the last statements of a function, which follow when its value is lifted, as one call. */
function ending(list) {
  const said = list.slice(-3).map(text);
  const [, name, member] = /^return (\w+)(\.val)?;$/.exec(said.at(-1) ?? "") ?? [];
  const thrown = THROWN.exec(said.at(-2) ?? "");
  const after = /^(postReturn\d+)\(ret\);$/.exec(said.at(thrown ? -3 : -2) ?? "");
  if (!thrown && !after) return;
  expected(name && Boolean(thrown) === Boolean(member) && (thrown?.[1] ?? name) === name, "the value of a function returned");
  const value = thrown ? (after ? "valueReturned" : "valueOf") : "returned";
  list.splice(-1 - (thrown ? 1 : 0) - (after ? 1 : 0), 3, ...parse(`(${value}(${[name, ...(after ? [after[1], "ret"] : [])]}));`).body.map(({ expression }) => ({ type: "ReturnStatement", argument: expression })));
}

/** What the component is given: nothing is marked as what may suspend, and one guard serves for all. */
function lowered(node) {
  if (node.type === "VariableDeclarator" && /^trampoline\d+$/.test(node.id.name) && node.init?.type === "ConditionalExpression") {
    expected(/^_(trampoline\d+)\.manuallyAsync \? new WebAssembly\.Suspending\(.*\) : _lowerImportBackwardsCompat\.bind\(null, \{.* isAsync: false,.* funcTypeIsAsync: false,/.test(text(node.init)), "an import that is not asynchronous");
    return { ...node, init: call("guard", identifier(`_${node.id.name}`)) };
  }
  if (node.type !== "CallExpression") return undefined;
  if (/^_guardMayLeave\(0, \w+\)$/.test(text(node))) return call("guard", node.arguments[1]);
  if (/^Object\.assign\(.*, \{ _jcoMaySuspend: false \}\)$/.test(text(node))) return node.arguments[0];
  return undefined;
}
