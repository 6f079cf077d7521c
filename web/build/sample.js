/** The sample image: the layout of the tests, packed into an archive that is shipped with the page. */
import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";

const NAME = "sample.tar";

/** A header of a regular file (POSIX ustar), the same whenever and wherever it is made. */
function header(name, size) {
  const block = Buffer.alloc(512);
  const octal = (value, offset, length) => block.write(value.toString(8).padStart(length - 1, "0"), offset);
  block.write(name, 0, 100);
  octal(0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  block.write("        0", 148);
  block.write("ustar\u000000", 257);
  octal(block.reduce((sum, byte) => sum + byte, 0), 148, 7);
  return block;
}

function pack(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath ?? entry.path, entry.name)).sort();
  const members = paths.flatMap((path) => {
    const bytes = readFileSync(path);
    return [header(relative(folder, path), bytes.length), bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...members, Buffer.alloc(1024)]);
}

export function sample(folder) {
  return {
    name: "sample",
    generateBundle() {
      this.emitFile({ type: "asset", fileName: NAME, source: pack(folder) });
    },
    configureServer({ middlewares }) {
      middlewares.use(`/${NAME}`, (_, response) => response.end(pack(folder)));
    },
  };
}
