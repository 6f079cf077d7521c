/** Unpacking an image into a directory. */
import { system } from "#system";
import { PortolanError } from "./error.js";
import type { Image } from "./image.js";
import type { Node } from "./tree.js";
import type { Abortable } from "./types.js";

/** A directory that is filled aside and put in place when all is there. Names come parents first. */
export interface Rootfs {
  makeDirectory(path: string): Promise<void>;
  /** Begins a file, which must not be there yet, and answers how to write into it. */
  makeFile(path: string, size: number): Promise<{ write(offset: number, bytes: Uint8Array): Promise<void>; close(): Promise<void> }>;
  makeLink(path: string, target: string): Promise<void>;
  makeSymlink(path: string, target: string): Promise<void>;
  /** Sets owner, mode and times; answers what could not be carried out. */
  setMetadata(node: Node): Promise<string[]>;
  /** Puts the directory in place. */
  commit(): Promise<void>;
  /** Removes all of it. */
  discard(): Promise<void>;
}

export interface UnpackOptions extends Abortable {
  /** Told about every file when its content is complete. */
  onProgress?: (progress: { path: string; bytes: number }) => void;
}

/** What was unpacked. */
export interface Unpacked {
  paths: number;
  /** Bytes of content. */
  bytes: number;
  /** What this engine or user cannot carry out, such as device nodes, one line each. */
  withheld: string[];
}

/**
 * Unpacks an image into a directory, which must not be there yet. It appears when everything is verified and complete; after
 * an error nothing is left behind.
 *
 * The layers are read twice: for the tree they make, and then for the contents that are in it. So every file is written
 * once, under its final name, and no symbolic link exists while files are written: none can be followed.
 *
 * Owners are set for root alone. Node sets no extended attributes and makes no device nodes: they are withheld, and listed.
 * Fails with `unsupported` where there is no file system.
 */
export async function unpack(image: Image, directory: string | URL, { signal, onProgress }: UnpackOptions = {}): Promise<Unpacked> {
  if (!system.rootfs || !system.files) throw new PortolanError("unsupported", "there are no directories to unpack into here");
  const tree = await image.tree({ signal });
  const rootfs = await system.rootfs(directory instanceof URL ? system.files.fromUrl(directory) : directory);
  const withheld: string[] = [];
  const directories: Node[] = [];
  const symlinks: Node[] = [];
  const links: Node[] = [];
  const unmade = new Set<string>();
  const files = new Map<number, Map<number, Node>>();
  const unpacked: Unpacked = { paths: 0, bytes: 0, withheld };
  try {
    for await (const node of tree.walk()) {
      signal?.throwIfAborted();
      if (node.sameAs !== undefined && !unmade.has(node.sameAs)) links.push(node);
      else if (node.kind === "directory") {
        if (node.path !== "") await rootfs.makeDirectory(node.path);
        directories.push(node);
      } else if (node.kind === "symlink") symlinks.push(node);
      else if (node.kind === "file" && node.source) {
        const { layer, ordinal } = node.source;
        let inLayer = files.get(layer);
        if (!inLayer) files.set(layer, (inLayer = new Map()));
        inLayer.set(ordinal, node);
      } else {
        withheld.push(`${node.path}: a ${node.kind} cannot be made`);
        unmade.add(node.path);
        continue;
      }
      unpacked.paths += 1;
    }
    for (const [layer, nodes] of files) unpacked.bytes += await writeFiles(image, layer, nodes, rootfs, withheld, signal, onProgress);
    for (const node of symlinks) await rootfs.makeSymlink(node.path, node.target ?? "");
    // What is linked may be a symbolic link itself; the directories above are none.
    for (const { path, sameAs } of links) await rootfs.makeLink(path, sameAs as string);
    for (const node of symlinks) withheld.push(...(await rootfs.setMetadata(node)));
    // The deepest first: whatever is made in a directory changes its time.
    for (const node of directories.reverse()) withheld.push(...(await rootfs.setMetadata(node)));
    signal?.throwIfAborted();
    await rootfs.commit();
    return unpacked;
  } catch (error) {
    await rootfs.discard();
    throw error;
  }
}

/** Writes the files whose contents are in one layer. */
async function writeFiles(
  image: Image,
  layer: number,
  nodes: Map<number, Node>,
  rootfs: Rootfs,
  withheld: string[],
  signal: AbortSignal | undefined,
  onProgress: UnpackOptions["onProgress"],
): Promise<number> {
  let bytes = 0;
  let open: { node: Node; file: Awaited<ReturnType<Rootfs["makeFile"]>> } | undefined;
  const finish = async () => {
    if (!open) return;
    const { node, file } = open;
    open = undefined;
    await file.close();
    withheld.push(...(await rootfs.setMetadata(node)));
    bytes += node.size ?? 0;
    onProgress?.({ path: node.path, bytes: node.size ?? 0 });
  };
  try {
    for await (const change of image.changes({ layer, content: [...nodes.keys()], signal })) {
      if (change.type === "entry") {
        await finish();
        const node = nodes.get(change.ordinal);
        if (node) open = { node, file: await rootfs.makeFile(node.path, node.size ?? 0) };
      } else if (change.type === "content") await open?.file.write(change.offset, change.bytes);
    }
    await finish();
  } finally {
    await open?.file.close();
  }
  return bytes;
}
