/** Platforms: what an image runs on, and which image of an index is meant (`wit/platform.wit`). */
import { system } from "#system";
import type { Instance } from "./toolkit.js";
import { attempt } from "./error.js";
import { type Platform, fromPlatform, toPlatform } from "./types.js";

export interface Platforms {
  /** The platform of this machine; `linux/amd64` in a browser. */
  host(): Platform;
  /**
   * Parses `os`, `architecture`, `os/architecture` or `os/architecture/variant`. What is left out comes from `host`.
   * Fails with `invalid-platform`.
   */
  parse(text: string, host?: Platform): Platform;
  /** The platform with aliases replaced (`x86_64` is `amd64`) and default variants left out. */
  normalize(platform: Platform): Platform;
  /** The platform as text, such as `linux/arm/v7`. */
  format(platform: Platform): string;
  /** Whether what runs on `wanted` includes images for `candidate`. */
  matches(wanted: Platform, candidate: Platform): boolean;
  /**
   * The position of the best candidate: by the order of `wanted`, then by closeness. A candidate may state no platform.
   * Fails with `platform-not-found`, listing what there is.
   */
  select(candidates: (Platform | undefined)[], wanted: Platform[]): number;
}

/** The platform of this machine. */
export function host(): Platform {
  return system.platform();
}

export function over({ platform }: Instance): Platforms {
  return {
    host: () => toPlatform(platform.normalize(fromPlatform(host()))),
    parse: (text, from = host()) => attempt(() => toPlatform(platform.parse(text, fromPlatform(from)))),
    normalize: (it) => toPlatform(platform.normalize(fromPlatform(it))),
    format: (it) => platform.format(fromPlatform(it)),
    matches: (wanted, candidate) => platform.matches(fromPlatform(wanted), fromPlatform(candidate)),
    select: (candidates, wanted) =>
      attempt(() => platform.select(candidates.map((it) => it && fromPlatform(it)), wanted.map(fromPlatform))),
  };
}
