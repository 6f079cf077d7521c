/** A document of JSON for a person: its tokens coloured, its digests as links to what is at hand. */
import type { ComponentChildren } from "preact";
import { shown } from "../text.ts";

const DIGEST = /^(sha256|sha512|blake3):[0-9a-f]{32,}$/;

/** Anything deeper is written in one line: no document of an image is so deep, and nothing is to exhaust the stack. */
const DEEPEST = 40;

/** How long a document may be whose every token is an element, in characters; and how much is shown of one that is longer. */
const LONGEST = 1 << 17;
const SHOWN = 1 << 16;

export function Json({ text, link }: { text: string; link: (digest: string) => string | undefined }) {
  if (text.length > LONGEST) {
    return (
      <>
        <pre class="json wraps" tabIndex={0} aria-label="document">{shown(text.slice(0, SHOWN))}</pre>
        <p class="note">This is its beginning, as it stands there. Save it for all of it.</p>
      </>
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return <pre class="json" tabIndex={0}>{shown(text)}</pre>;
  }
  return <pre class="json" tabIndex={0} aria-label="document">{write(value, "", link)}</pre>;
}

function write(value: unknown, indent: string, link: (digest: string) => string | undefined): ComponentChildren {
  if (typeof value === "string") {
    const quoted = shown(JSON.stringify(value));
    const href = DIGEST.test(value) ? link(value) : undefined;
    return href ? <a href={href}>{quoted}</a> : <span class="string">{quoted}</span>;
  }
  if (value === null || typeof value !== "object") return <span class="atom">{String(value)}</span>;
  if (indent.length > 2 * DEEPEST) return shown(JSON.stringify(value));
  const members: [string | undefined, unknown][] = Array.isArray(value) ? value.map((item) => [undefined, item]) : Object.entries(value);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  if (members.length === 0) return `${open}${close}`;
  const inner = `${indent}  `;
  return [
    `${open}\n`,
    ...members.map(([key, item], at) => [
      inner,
      key === undefined ? "" : [<span class="key">{shown(JSON.stringify(key))}</span>, ": "],
      write(item, inner, link),
      at < members.length - 1 ? ",\n" : "\n",
    ]),
    `${indent}${close}`,
  ];
}
