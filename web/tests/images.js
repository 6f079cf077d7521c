// @ts-check
/** Images for the tests of the page, made by the builders of the package's tests. */
import { gzipSync } from "node:zlib";
import { Layout } from "../../npm/tests/blobs.js";
import { dir, file, symlink, tar, whiteout } from "../../npm/tests/tar.js";

/** A name that is HTML, one that speaks to terminals, one that turns the line round, one that is no UTF-8. */
export const MARKUP = "<img src=x onerror=alert(1)>";
const TERMINAL = "\u001b[31mred\u001b[0m";
const TURNED = "photo\u202egpj.exe";

/** An image whose every word is hostile. */
export function hostile() {
  const layout = new Layout();
  const entries = [file(MARKUP, MARKUP), file(TERMINAL, TERMINAL), file(TURNED, "x"), file(Buffer.from([0x64, 0xff, 0x65]), "bytes"), file("שלום", "peace"), file("page.html", `<script>alert(2)</script>${MARKUP}`)];
  const config = { Env: [`X=${MARKUP}`], Cmd: [MARKUP, TERMINAL], Labels: { [MARKUP]: MARKUP, evil: TURNED } };
  return layout.tag(layout.image({ layers: [entries], config, annotations: { "org.opencontainers.image.title": MARKUP } }), MARKUP).archive();
}

/** An ordinary image of two layers. */
export function plain() {
  const layout = new Layout();
  const below = [dir("etc"), file("etc/motd", "below"), file("etc/os-release", "NAME=Portolan\n"), symlink("etc/link", "os-release"), file("old", "x".repeat(5000))];
  return layout.tag(layout.image({ layers: [below, [file("etc/motd", "above"), whiteout("old")]] }), "latest");
}

/** The same, with a byte of its first layer changed. */
export function corrupted() {
  const layout = plain();
  const [digest] = layout.archives.keys();
  const blob = layout.blobs.get(String(digest));
  if (blob) blob[blob.length - 6] = (blob[blob.length - 6] ?? 0) ^ 1;
  return { archive: layout.archive(), digest: String(digest) };
}

/** An image of so many files. @param {number} number */
export function many(number) {
  const layout = new Layout();
  const entries = Array.from({ length: number }, (_, at) => file(`usr/share/${String(at % 300).padStart(3, "0")}/file-${at}`, "x"));
  return layout.tag(layout.image({ layers: [entries] }), "latest").archive();
}

/** A zip archive of files that are stored as they are. @param {Record<string, string>} files */
export function zip(files) {
  /** @type {Buffer[]} */
  const [locals, centrals] = [[], []];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const [path, content] = [Buffer.from(name), Buffer.from(text)];
    // What a local header and an entry of the directory share: from the version on to the length of the name.
    const shared = Buffer.alloc(26);
    shared.writeUInt32LE(content.length, 14);
    shared.writeUInt32LE(content.length, 18);
    shared.writeUInt16LE(path.length, 22);
    const [begin, rest] = [Buffer.from("PK\x01\x02\x14\0"), Buffer.alloc(14)];
    rest.writeUInt32LE(offset, 10);
    locals.push(Buffer.from("PK\x03\x04"), shared, path, content);
    centrals.push(begin, shared, rest, path);
    offset += 30 + path.length + content.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  for (const at of [8, 10]) end.writeUInt16LE(Object.keys(files).length, at);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

/** An image of files that hold others, and of texts in languages. */
export function nested() {
  const inner = tar([dir("lib"), file("lib/one.txt", "1".repeat(1234)), symlink("link", "lib/one.txt"), file(MARKUP, "x")]);
  const entries = [
    file("a.tar", inner),
    file("a.tar.gz", gzipSync(inner)),
    file("man.gz", gzipSync("NAME\n  portolan - a chart of harbours\n")),
    file("a.zip", zip({ "META-INF/": "", "META-INF/MANIFEST.MF": "Main-Class: Harbour\n", [MARKUP]: "x" })),
    file("broken.zip", zip({ a: "b" }).fill(7, 31, 40)),
    file("hello.py", `#!/usr/bin/env python3\n# says hello\ndef hello(name="you"):\n    return 42 if name else '${MARKUP}'\n`),
    file("settings.json", JSON.stringify({ key: "value", number: 1.5, list: [true, null] }, null, 2)),
    file("empty.wasm", Buffer.from("\0asm\x0d\0\x01\0", "latin1")),
    file("run", "#!/bin/sh\nset -e # stop\necho \"$HOME\"\n"),
  ];
  const layout = new Layout();
  return layout.tag(layout.image({ layers: [entries] }), "latest").archive();
}
