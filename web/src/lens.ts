/** What `lens/` computes, in a worker that begins when something is asked for. */
import type { Difference, Elf, Found } from "../lens/generated/lens.js";
import type { Calls } from "./lens.worker.ts";

export type { Difference, Elf, Found };

export interface Asked {
  id: number;
  call: keyof Calls;
  args: unknown[];
}

export type Answer = { id: number; value?: unknown; error?: string };

/** Nothing takes so long. What does is given up, with the worker. */
const MOST_MILLISECONDS = 30_000;
/** How long two texts are compared exactly. */
const DIFF_MILLISECONDS = 2000;

let worker: Worker | undefined;
let asked = 0;
const waiting = new Map<number, (answer: Answer) => void>();

/** The paths that the worker has. */
let indexed: readonly string[] | undefined;

function begin(): Worker {
  if (worker) return worker;
  worker = new Worker(new URL("./lens.worker.ts", import.meta.url), { type: "module" });
  worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => waiting.get(data.id)?.(data));
  worker.addEventListener("error", (event) => end(event.message || "the worker cannot begin: its files were not all deployed"));
  return worker;
}

/** Ends the worker: after a failure nobody knows what its memory holds. */
function end(error: string) {
  worker?.terminate();
  worker = undefined;
  indexed = undefined;
  for (const [id, answer] of [...waiting]) answer({ id, error });
}

function ask<C extends keyof Calls>(call: C, ...args: Parameters<Calls[C]>): Promise<Awaited<ReturnType<Calls[C]>>> {
  asked += 1;
  const id = asked;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end("it takes too long"), MOST_MILLISECONDS);
    waiting.set(id, ({ error, value }) => {
      clearTimeout(timer);
      waiting.delete(id);
      if (error === undefined) return resolve(value as Awaited<ReturnType<Calls[C]>>);
      reject(new Error(error));
      end(error);
    });
    begin().postMessage({ id, call, args } satisfies Asked);
  });
}

/** What the headers of a file say; nothing for what is no ELF file. */
export const elf = (file: Blob): Promise<Elf | undefined> => ask("elf", file);

/** The best of the paths that have the letters of what is typed, in this order. */
export async function search(paths: readonly string[], query: string, most: number): Promise<Found> {
  if (indexed !== paths) {
    indexed = paths;
    await ask("paths", paths.join("\0"));
  }
  return (await ask("search", query, most)) ?? { total: 0, best: [] };
}

/** Four numbers for each size: where its area is from the left and the top, its width and its height. */
export const treemap = (sizes: number[], width: number, height: number): Promise<Float64Array> => ask("treemap", sizes, width, height);

/** What differs between two texts. */
export const diff = (before: string, after: string): Promise<Difference> => ask("diff", before, after, DIFF_MILLISECONDS);
