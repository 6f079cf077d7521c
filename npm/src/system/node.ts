/** Node: files, OpenSSL's hashes, and worker threads. */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { Readable, pipeline } from "node:stream";
import { Worker, isMainThread, workerData } from "node:worker_threads";
import { createGunzip } from "node:zlib";
import type { Hasher, System } from "../system.js";
import { files, spool } from "./files-node.js";
import { nodeHasher } from "./hasher-node.js";

const GENERATED = new URL("../../generated/", import.meta.url);
const OS: Partial<Record<NodeJS.Platform, string>> = { win32: "windows", sunos: "solaris" };
const ARCHITECTURE: Record<string, string> = { x64: "amd64", ia32: "386", mipsel: "mipsle", ppc64: "ppc64le" };

let hasher: Hasher | undefined;

export const system: System = {
  compile: async (name) => WebAssembly.compile(await readFile(new URL(name, GENERATED))),
  hasher: async () => (hasher ??= nodeHasher((name) => new WebAssembly.Module(readFileSync(new URL(name, GENERATED))))),
  platform: () => ({ os: OS[process.platform] ?? process.platform, architecture: ARCHITECTURE[process.arch] ?? process.arch }),
  parallelism: availableParallelism,
  spool,
  request: { redirect: "manual", credentials: "omit" },
  credentials: async (read) => (await import("./credentials-node.js")).findCredentials(read),
  // Whoever reads is told what goes wrong, and whoever is read is left when nobody reads on. It begins when it is read, so
  // that somebody is there to be told.
  gunzip: async function* (chunks) {
    yield* pipeline(Readable.from(chunks), createGunzip({ chunkSize: 1 << 18 }), () => {});
  },
  beginWorker: () => {
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker(new URL("../worker.js", import.meta.url), {
      workerData: { port: port2 },
      transferList: [port2 as never],
      // This one is for a script that is no file, and an error for one that is.
      ...(process.execArgv.some((flag) => flag.startsWith("--input-type")) && { execArgv: [] }),
    });
    const port = port1 as MessagePort & { ref(): void; unref(): void };
    return {
      port,
      hold: (held) => {
        if (held) {
          worker.ref();
          port.ref();
        } else {
          worker.unref();
          port.unref();
        }
      },
      terminate: () => {
        port.close();
        void worker.terminate();
      },
      onFailure: (failed) => {
        worker.once("error", failed);
        worker.once("exit", (code) => failed(new Error(`the worker ended with ${code}`)));
      },
    };
  },
  onPort: (serve) => {
    if (!isMainThread && workerData?.port) serve(workerData.port as MessagePort);
  },
  files,
  rootfs: async (directory) => (await import("./rootfs-node.js")).createRootfs(directory),
};
