/** Image layouts (image-layout.md), wherever their files are. */
import { PortolanError, attempt } from "../error.js";
import { type Source, type PartedBlob, readWhole } from "../source.js";
import { instance } from "../toolkit.js";
import { type Limits, fromLimits } from "../types.js";
import { blobBytes, storedBlob } from "./bytes.js";

/** A layout over something that finds files by their paths. It must have an `oci-layout` of a version we know. */
export async function layout(
  kind: "image layout" | "image layout archive",
  file: (path: string) => Promise<PartedBlob | undefined>,
  close: () => Promise<void>,
  limits?: Limits,
): Promise<Source> {
  const marker = await file("oci-layout");
  if (!marker) throw new PortolanError("invalid-source", "the directory has no oci-layout file");
  const bytes = await readWhole(marker.stream());
  const { manifest } = await instance();
  attempt(() => manifest.parseLayout(bytes, fromLimits(limits)));
  return {
    kind,
    promisesLayerDigests: true,
    index: async (signal) => {
      const index = await file("index.json");
      if (!index) throw new PortolanError("invalid-source", "the image layout has no index.json");
      return readWhole(index.stream(signal));
    },
    fetch: async ({ digest }, _, range) => {
      const blob = await file(`blobs/${digest.replace(":", "/")}`);
      return range ? blob?.part(range) : blob;
    },
    close,
  };
}

/** A layout in a directory of the File System Access API. */
export async function directoryHandleLayout(root: FileSystemDirectoryHandle, limits?: Limits): Promise<Source> {
  const file = async (path: string) => {
    try {
      const names = path.split("/");
      let directory = root;
      for (const name of names.slice(0, -1)) directory = await directory.getDirectoryHandle(name);
      const found = await (await directory.getFileHandle(names.at(-1) as string)).getFile();
      return storedBlob(blobBytes(found), 0, found.size);
    } catch (error) {
      if (error instanceof DOMException && error.name === "NotFoundError") return undefined;
      throw new PortolanError("invalid-source", `${path}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  };
  return layout("image layout", file, async () => {}, limits);
}
