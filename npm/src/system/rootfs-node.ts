/** Unpacking with Node's file system. */
import { constants } from "node:fs";
import { chmod, lchown, link, lutimes, mkdir, mkdtemp, open, rename, rm, stat, symlink, utimes } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { PortolanError } from "../error.js";
import { pathBytes } from "../path.js";
import type { Rootfs } from "../unpack.js";

/**
 * Begins a rootfs beside its destination, in a directory of its own that only its owner can enter. What is made in it is
 * made anew, and symbolic links come last: no path leads out of it.
 */
export async function createRootfs(directory: string): Promise<Rootfs> {
  const destination = resolve(directory);
  const existing = await stat(destination).catch(() => undefined);
  if (existing) throw new PortolanError("invalid-source", `${destination}: it is there already`);
  const staging = await mkdtemp(join(dirname(destination), `.${basename(destination)}.portolan-`)).catch((error: Error) => {
    throw new PortolanError("invalid-source", error.message, { cause: error });
  });
  const root = join(staging, "rootfs");
  await mkdir(root, 0o700);
  const prefix = Buffer.from(`${root}/`);
  const at = (path: string) => Buffer.concat([prefix, pathBytes(path)]);
  const isRoot = process.getuid?.() === 0;
  let rootMode = 0o755;

  return {
    makeDirectory: (path) => mkdir(at(path), 0o700).then(() => {}, collides(path)),
    makeFile: async (path, size) => {
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
      const file = await open(at(path), flags, 0o600).catch(collides(path));
      return {
        write: async (offset, bytes) => {
          for (let done = 0; done < bytes.length; ) {
            const { bytesWritten } = await file.write(bytes, done, bytes.length - done, offset + done);
            done += bytesWritten;
          }
        },
        close: async () => {
          // What no content gave is a hole, at the end too.
          await file.truncate(size).finally(() => file.close());
        },
      };
    },
    makeLink: (path, target) => link(at(target), at(path)).catch(collides(path)),
    makeSymlink: (path, target) => symlink(Buffer.from(pathBytes(target)), at(path)).catch(collides(path)),
    setMetadata: async (node) => {
      const path = at(node.path);
      const withheld = node.xattrs.map(({ name }) => `${node.path}: the extended attribute ${name} cannot be set`);
      if (isRoot) await lchown(path, node.uid, node.gid);
      // A number below zero would be taken for now.
      const time = String(node.mtime.seconds + node.mtime.nanoseconds / 1e9);
      if (node.kind === "symlink") {
        await lutimes(path, time, time);
        return withheld;
      }
      if (node.path === "") rootMode = node.mode;
      else await chmod(path, isRoot ? node.mode : node.mode & 0o1777);
      await utimes(path, time, time);
      return withheld;
    },
    commit: async () => {
      await rename(root, destination).catch((error: NodeJS.ErrnoException) => {
        throw new PortolanError("invalid-source", `${destination}: ${error.code ?? error.message}`, { cause: error });
      });
      await chmod(destination, rootMode);
      await rm(staging, { recursive: true, force: true });
    },
    discard: () => discard(staging),
  };
}

/** A name that is there already is one that the file system takes for another. */
function collides(path: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    if (error.code === "EEXIST") {
      throw new PortolanError("invalid-path", `${path}: this file system takes it for the same name as another of the image`, { cause: error });
    }
    throw error;
  };
}

/** Removes the staging directory, also where directories were already made unwritable. */
async function discard(staging: string): Promise<void> {
  try {
    await rm(staging, { recursive: true, force: true });
  } catch {
    const { readdir } = await import("node:fs/promises");
    const open = async (directory: Buffer): Promise<void> => {
      await chmod(directory, 0o700);
      for (const entry of await readdir(directory, { withFileTypes: true, encoding: "buffer" })) {
        if (entry.isDirectory()) await open(Buffer.concat([directory, Buffer.from("/"), entry.name as never]));
      }
    };
    await open(Buffer.from(staging));
    await rm(staging, { recursive: true, force: true });
  }
}

