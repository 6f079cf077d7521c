// @ts-check
import * as portolan from "portolan";
import { inspectWasm } from "portolan/wasm";
import { answers } from "./answers.js";

/** @type {Parameters<typeof answers> extends [unknown, ...infer Rest] ? (...rest: Rest) => ReturnType<typeof answers> : never} */
const ask = (source, options) => answers(portolan, source, options);
Object.assign(globalThis, { portolan, inspectWasm, answers: ask });
