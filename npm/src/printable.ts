/** Text of an image for a terminal: what it would obey, or what deceives the eye, is shown and not done. */
const DECEPTIVE = /[\\\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/gu;

export function printable(text: string): string {
  return text.replace(DECEPTIVE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    // A byte of a path that is not UTF-8; see `path.ts`.
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
    const short = { 0x5c: "\\\\", 0x0a: "\\n", 0x09: "\\t", 0x0d: "\\r" }[code];
    return short ?? `\\u{${code.toString(16)}}`;
  });
}
