/** Bytes, sixteen a line, beside the letters that they are in ASCII. */
export function Hex({ bytes }: { bytes: Uint8Array }) {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const line = bytes.subarray(at, at + 16);
    const codes = Array.from(line, (byte) => byte.toString(16).padStart(2, "0"));
    const letters = Array.from(line, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${codes.slice(0, 8).join(" ").padEnd(23)}  ${codes.slice(8).join(" ").padEnd(23)}  ${letters}`);
  }
  return <pre class="content" tabIndex={0} aria-label="bytes">{lines.join("\n")}</pre>;
}
