/** A layout in a folder that was chosen with an input: a list of files with their paths. */
import { type BlobSource, PortolanError } from "portolan";

export function folderLayout(files: Iterable<File>): BlobSource {
  const paths = new Map<string, File>();
  for (const file of files) paths.set(file.webkitRelativePath.split("/").slice(1).join("/"), file);
  return {
    index() {
      const index = paths.get("index.json");
      if (!index || !paths.has("oci-layout")) {
        throw new PortolanError("invalid-source", "this folder is no image layout: choose the one that has the files oci-layout and index.json in it");
      }
      return index;
    },
    read({ digest }, range) {
      const blob = paths.get(`blobs/${digest.replace(":", "/")}`);
      if (!range) return blob;
      return blob?.slice(range.offset, range.length === undefined ? undefined : range.offset + range.length);
    },
  };
}
