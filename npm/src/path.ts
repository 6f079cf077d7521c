/**
 * Paths of images as strings. A tar archive knows no encoding: bytes that are not UTF-8 become the lone surrogates
 * U+DC80 to U+DCFF, one for each, so that every path has a string of its own and can be turned back.
 */

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The string of a path. */
export function pathOf(bytes: Uint8Array): string {
  // Most paths are short and ASCII, for which a decoder's set-up costs more than its work.
  if (bytes.length < 48) {
    let text = "";
    for (const byte of bytes) {
      if (byte > 0x7f) return decode(bytes);
      text += String.fromCharCode(byte);
    }
    return text;
  }
  return decode(bytes);
}

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return escape(bytes);
  }
}

function escape(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; ) {
    const length = sequence(bytes, start);
    text += length > 0 ? decoder.decode(bytes.subarray(start, start + length)) : String.fromCharCode(0xdc00 + (bytes[start] ?? 0));
    start += length || 1;
  }
  return text;
}

/** The length of the well-formed sequence at an offset; 0 when there is none. */
function sequence(bytes: Uint8Array, start: number): number {
  const first = bytes[start] ?? 0;
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0 || start + length > bytes.length) return 0;
  try {
    decoder.decode(bytes.subarray(start, start + length));
    return length;
  } catch {
    return 0;
  }
}

/** The bytes of a path. */
export function pathBytes(text: string): Uint8Array {
  if (!/[\udc80-\udcff]/.test(text)) return encoder.encode(text);
  const parts: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xdc80 && code <= 0xdcff) parts.push(code - 0xdc00);
    else parts.push(...encoder.encode(character));
  }
  return Uint8Array.from(parts);
}
