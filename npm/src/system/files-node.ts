/** Files by their paths, with Node's modules. */
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdtemp, open, rm, stat, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PortolanError } from "../error.js";
import type { Source, PartedBlob } from "../source.js";
import { type Bytes, ahead, limited } from "../source/bytes.js";
import { layout } from "../source/layout.js";
import type { Files } from "../system.js";
import type { Limits } from "../types.js";

export const files: Files = {
  fromUrl: (url) => fileURLToPath(url),
  kindOf: async (path) => {
    const found = await stat(path).catch(absent);
    return found && (found.isDirectory() ? "directory" : "file");
  },
  open: async (path) => {
    const handle = await open(path).catch(unreadable(path));
    const found = await handle.stat();
    if (found.isFile()) return fileBytes(handle, path, found.size);
    await handle.close();
    throw new PortolanError("invalid-source", `${path}: it is not a regular file`);
  },
  layout: directoryLayout,
  openPart,
};

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
  throw new PortolanError("invalid-source", error.message, { cause: error });
}

function unreadable(path: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    throw new PortolanError("invalid-source", `${path}: ${error.code ?? error.message}`, { cause: error });
  };
}

/** The bytes of an open file. `path` is known where a worker could open it too. */
function fileBytes(handle: FileHandle, path: string | undefined, size: number): Bytes {
  const read = async (offset: number, length: number) => {
    const buffer = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  };
  return {
    size,
    read,
    stream: (offset, length, signal) => ahead(read, offset, length, signal),
    whereabouts: (offset, length) => (path === undefined ? undefined : { kind: "file", path, offset, length }),
    close: () => handle.close(),
  };
}

async function openPart(path: string, offset: number, length: number): Promise<{ stream: AsyncIterable<Uint8Array>; close(): Promise<void> }> {
  const handle = await open(path).catch(unreadable(path));
  const { size } = await handle.stat();
  return { stream: fileBytes(handle, path, size).stream(offset, length), close: () => handle.close() };
}

/** A part of a file, which is opened when it is read. */
function fileBlob(path: string, offset: number, size: number): PartedBlob {
  return {
    size,
    whereabouts: { kind: "file", path, offset, length: size },
    async *stream(signal) {
      const { stream, close } = await openPart(path, offset, size);
      try {
        for await (const chunk of stream) {
          signal?.throwIfAborted();
          yield chunk;
        }
      } finally {
        await close();
      }
    },
    part: (range) => fileBlob(path, offset + range.offset, Math.min(range.length, Math.max(0, size - range.offset))),
  };
}

/** An image layout in a directory. Nothing beneath it is reached through a symbolic link. */
async function directoryLayout(root: string, limits?: Limits): Promise<Source> {
  const file = async (name: string): Promise<PartedBlob | undefined> => {
    const names = name.split("/");
    for (let depth = 1; depth < names.length; depth += 1) {
      const directory = join(root, ...names.slice(0, depth));
      const found = await lstat(directory).catch(absent);
      if (!found) return undefined;
      if (!found.isDirectory()) throw new PortolanError("invalid-source", `${directory}: a symbolic link or file cannot stand for a directory of a layout`);
    }
    const path = join(root, ...names);
    let handle: FileHandle;
    try {
      // A fifo in place of a blob must not make us wait for its writer.
      handle = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return undefined;
      const reason = code === "ELOOP" ? "a symbolic link cannot stand for a file of a layout" : String(code);
      throw new PortolanError("invalid-source", `${path}: ${reason}`, { cause: error });
    }
    const found = await handle.stat();
    // What is streamed is opened again, so that no handle stays open for a blob that nobody reads.
    await handle.close();
    if (!found.isFile()) throw new PortolanError("invalid-source", `${path}: it is not a regular file`);
    return fileBlob(path, 0, found.size);
  };
  return layout("image layout", file, async () => {}, limits);
}

/** Copies a stream to a temporary file without a name, which is gone when it is closed. */
export async function spool(chunks: AsyncIterable<Uint8Array>, most: number, signal?: AbortSignal): Promise<Bytes> {
  const directory = await mkdtemp(join(tmpdir(), "portolan-"));
  let handle: FileHandle | undefined;
  try {
    const path = join(directory, "spooled");
    handle = await open(path, "wx+", 0o600);
    await unlink(path);
    let size = 0;
    for await (const chunk of limited(chunks, most, signal)) {
      size += chunk.length;
      await handle.writeFile(chunk);
    }
    return fileBytes(handle, undefined, size);
  } catch (error) {
    await handle?.close();
    throw error;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

