/** What engines with the interfaces of the web have in common. */
import { PortolanError } from "../error.js";
import { type Bytes, blobBytes, limited } from "../source/bytes.js";
import { streamed } from "../source.js";
import type { Begun } from "../system.js";

/** Compiles a module beside this package's scripts, while it arrives where the server names its type. */
export async function compile(name: string, at = () => location(name)): Promise<WebAssembly.Module> {
  const response = await fetch(at());
  if (!response.ok) throw new PortolanError("unsupported", `${response.url}: the server answers ${response.status} instead of a WebAssembly module`);
  if (response.headers.get("content-type")?.startsWith("application/wasm")) return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}

/** Bundlers find files by these expressions, word for word. */
function location(name: string): URL {
  switch (name) {
    case "toolkit.core.wasm":
      return new URL("../../generated/toolkit.core.wasm", import.meta.url);
    case "toolkit.core2.wasm":
      return new URL("../../generated/toolkit.core2.wasm", import.meta.url);
    case "toolkit.core3.wasm":
      return new URL("../../generated/toolkit.core3.wasm", import.meta.url);
    case "hasher.core.wasm":
      return new URL("../../generated/hasher.core.wasm", import.meta.url);
    case "hasher.core2.wasm":
      return new URL("../../generated/hasher.core2.wasm", import.meta.url);
    case "hasher.core3.wasm":
      return new URL("../../generated/hasher.core3.wasm", import.meta.url);
    default:
      throw new TypeError(`there is no module ${name}`);
  }
}

/** Copies a stream into a `Blob`, which a browser keeps on disk when it is large. */
export async function spool(chunks: AsyncIterable<Uint8Array>, most: number, signal?: AbortSignal): Promise<Bytes> {
  let blob = new Blob([]);
  let parts: Uint8Array<ArrayBuffer>[] = [];
  let held = 0;
  const flush = () => {
    blob = new Blob([blob, ...parts]);
    parts = [];
    held = 0;
  };
  for await (const chunk of limited(chunks, most, signal)) {
    parts.push(new Uint8Array(chunk));
    held += chunk.length;
    if (held > 8 << 20) flush();
  }
  flush();
  return blobBytes(blob);
}

/** Decompresses with the engine's own stream. */
export function gunzip(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  const source = new ReadableStream<BufferSource>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
    async cancel() {
      await iterator.return?.();
    },
  });
  return streamed(source.pipeThrough(new DecompressionStream("gzip")));
}

/** How long the thread is held before others have it, in milliseconds. A page has frames to draw, a worker none. */
const HELD = typeof document === "undefined" ? 64 : 8;
let since = 0;

/** Lets the engine draw and answer events, when the thread was held for long. */
export async function breathe(): Promise<void> {
  const now = performance.now();
  if (now - since < HELD) return;
  await new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
  since = performance.now();
}

/** Begins a worker of the web. */
export function beginWorker(): Begun {
  const worker = new Worker(new URL("../worker.js", import.meta.url), { type: "module", name: "portolan" });
  const { port1, port2 } = new MessageChannel();
  worker.postMessage({ portolan: port2 }, [port2]);
  return {
    port: port1,
    hold: () => {},
    terminate: () => {
      port1.close();
      worker.terminate();
    },
    onFailure: (failed) => {
      worker.onerror = (event) => failed(new Error(event.message || "the worker could not be loaded"));
    },
  };
}

/** Takes the port that {@link beginWorker} sends. */
export function onPort(serve: (port: MessagePort) => void): void {
  globalThis.addEventListener?.("message", (event) => {
    const { data } = event as MessageEvent<{ portolan?: MessagePort }>;
    if (data?.portolan) serve(data.portolan);
  });
}
