import { shortDigest, shown } from "../text.ts";

/** A digest: its beginning, all of it for whoever points at it, and where it leads if anywhere. */
export function Digest({ of, href, whole = false }: { of: string; href?: string | undefined; whole?: boolean }) {
  const text = whole ? shown(of) : shortDigest(of);
  return href ? <a class="digest" href={href} title={shown(of)}>{text}</a> : <code class="digest" title={shown(of)}>{text}</code>;
}
