// @ts-check
/** Images for the tests of the page, made by the builders of the package's tests. */
import { Layout } from "../../npm/tests/blobs.js";
import { dir, file, symlink, whiteout } from "../../npm/tests/tar.js";

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
