/** References: how people name an image (`wit/reference.wit`). */
import type * as wit from "../generated/interfaces/portolan-image-reference.js";
import type { Instance } from "./toolkit.js";
import { attempt } from "./error.js";
import { present } from "./types.js";

/** What kind of place a reference points to. */
export type Location = "layout" | "layout-archive" | "docker-archive" | "path" | "standard-input" | "registry";

/** Which image is meant among those at one place. */
export interface Selector {
  /** A tag, or any other value of `org.opencontainers.image.ref.name`. */
  tag?: string;
  /** A digest of a manifest or index. */
  digest?: string;
}

/** One way to read a reference to a file: file names may contain `:` and `@`. */
export interface Candidate {
  path: string;
  selector: Selector;
}

/** A name in a registry, with Docker's defaults filled in. */
export interface Name {
  /** Such as `docker.io` or `localhost:5000`. */
  registry: string;
  /** Such as `library/busybox`. */
  repository: string;
  selector: Selector;
  /** As it is written in full, such as `docker.io/library/busybox:latest`. */
  canonical: string;
  /** As people write it, such as `busybox:latest`. */
  familiar: string;
}

/** A reference, parsed. */
export interface ImageReference {
  location: Location;
  /** For places in the file system: the readings, longest path first. The first whose path exists is meant. */
  candidates: Candidate[];
  /** For a registry, and for a bare path that could be a name as well. */
  name?: Name;
}

export interface References {
  /** Parses a reference such as `oci:images/busybox:1.36` or `busybox.tar`. Fails with `invalid-reference`. */
  parse(text: string): ImageReference;
  /** Parses a name in a registry and fills in Docker's defaults. No tag is added. Fails with `invalid-reference`. */
  parseName(text: string): Name;
}

export function over({ reference }: Instance): References {
  return {
    parse: (text) =>
      attempt(() => {
        const { location, candidates, name } = reference.parse(text);
        const readings = candidates.map(({ path, selector }) => ({ path, selector: toSelector(selector) }));
        return present<ImageReference>({ location, candidates: readings, name: name && toName(name) });
      }),
    parseName: (text) => attempt(() => toName(reference.parseName(text))),
  };
}

function toSelector({ tag, digest }: wit.Selector): Selector {
  return present({ tag, digest });
}

function toName({ selector, ...name }: wit.Name): Name {
  return { ...name, selector: toSelector(selector) };
}
