/** From an image config to a runtime config (`wit/runtime.wit`; image-spec conversion.md). */
import type { Instance } from "./toolkit.js";
import { attempt } from "./error.js";
import { type Limits, fromLimits, present } from "./types.js";

/** A range of ids inside a container and on the host. */
export interface Mapping {
  container: number;
  host: number;
  size: number;
}

/** What an image config does not say. */
export interface RuntimeInputs {
  /** The bytes of the rootfs's own `/etc/passwd`. */
  passwd?: Uint8Array;
  /** The bytes of the rootfs's own `/etc/group`. */
  group?: Uint8Array;
  /** The command line instead of the image's `Cmd`. */
  cmd?: string[];
  /** Whether the process gets a terminal. */
  terminal?: boolean;
  /** For a runtime without privileges. */
  rootless?: { uids: Mapping[]; gids: Mapping[] };
  /** Whether labels with which runtimes are steered become annotations like all others. */
  steeringLabels?: boolean;
}

export interface RuntimeConfig {
  /** The bytes of a `config.json`. */
  json: Uint8Array;
  /** The keys of labels that did not become annotations, since they would steer the runtime. */
  withheld: string[];
}

export interface Runtime {
  /**
   * Converts the bytes of an image config to a `config.json` whose root filesystem is `rootfs`, beside it.
   * Fails with `invalid-document` for the config and `user-not-found` for its user.
   */
  convert(config: Uint8Array, inputs?: RuntimeInputs, limits?: Limits): RuntimeConfig;
}

export function over({ runtime }: Instance): Runtime {
  return {
    convert: (config, { passwd, group, cmd, rootless, terminal = false, steeringLabels = false } = {}, limits) =>
      attempt(() =>
        runtime.convert(config, present({ passwd, group, cmd, rootless, terminal, steeringLabels }), fromLimits(limits)),
      ),
  };
}
