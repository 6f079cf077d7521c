/** Every view is a URL: `#/VIEW?from=SOURCE&image=DIGEST&...`. What is after the `#` is never sent to a server. */
import { pathBytes, pathOf } from "portolan";
import { useEffect, useState } from "preact/hooks";

export interface Route {
  /** The name of the view; empty for the page where images are opened. */
  view: string;
  /** Where the image is from, as {@link "./session.ts"} has it. */
  from?: string;
  /** The digest of its manifest; the first that is offered, unless given. */
  image?: string;
  /** The digest of a blob of it; `index` is the index that its place begins with. */
  digest?: string;
  /** A path in it. */
  path?: string;
  layer?: number;
  /** What is looked for. */
  query?: string;
  /** `fuzzy` where letters with gaps between them are looked for. */
  find?: string;
  kind?: string;
  /** What a layer did to the files that are looked for. */
  change?: string;
  /** How large they are, such as `>1MB`. */
  size?: string;
  /** How a file is looked at, where there are several ways. */
  as?: string;
  /** The digest of the image that it is compared with. */
  with?: string;
  /** The place of that, where it is another. */
  there?: string;
}

/** Paths of images are bytes, and not all of them are text: they are percent-encoded byte by byte. */
function encodePath(path: string): string {
  const code = (byte: number) => (/[\w./-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, "0")}`);
  return Array.from(pathBytes(path), code).join("");
}

function decodePath(text: string): string {
  const bytes: number[] = [];
  for (const part of text.matchAll(/%([0-9a-f]{2})|[^]/giu)) {
    bytes.push(...(part[1] ? [Number.parseInt(part[1], 16)] : new TextEncoder().encode(part[0])));
  }
  return pathOf(new Uint8Array(bytes));
}

/** What is text as it stands there. */
const TEXTS = new Set(["from", "image", "digest", "query", "find", "kind", "change", "size", "as", "with", "there"]);

export function parse(hash: string): Route {
  const [view = "", search = ""] = hash.replace(/^#?\/?/, "").split(/\?(.*)/s);
  const route: Route = { view };
  for (const pair of search.split("&")) {
    const [key, value = ""] = pair.split(/=(.*)/s);
    if (key === "path") route.path = decodePath(value);
    else if (key === "layer") route.layer = Number(value) || 0;
    else if (TEXTS.has(key ?? "")) {
      try {
        route[key as "from"] = decodeURIComponent(value);
      } catch {
        // Nothing of ours is encoded wrongly: somebody changed the URL.
      }
    }
  }
  return route;
}

export function format({ view, ...rest }: Route): string {
  const pairs = Object.entries(rest).filter(([, value]) => value !== undefined && value !== "");
  const text = pairs.map(([key, value]) => {
    if (key === "path") return `path=${encodePath(String(value))}`;
    return `${key}=${encodeURIComponent(String(value)).replace(/%(2F|3A)/g, decodeURIComponent)}`;
  });
  return `#/${view}${text.length > 0 ? "?" : ""}${text.join("&")}`;
}

/** Goes to another view; `replace` for what is typed letter by letter, so that "back" leads out of it. */
export function go(route: Route, { replace = false } = {}) {
  if (!replace) location.hash = format(route);
  else {
    history.replaceState(null, "", format(route));
    dispatchEvent(new HashChangeEvent("hashchange"));
  }
}

export function useRoute(): Route {
  const [route, change] = useState(() => parse(location.hash));
  useEffect(() => {
    const changed = () => change(parse(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
