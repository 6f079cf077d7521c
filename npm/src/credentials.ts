/** What proves to registries who we are, and where that is kept (`wit/credentials.wit`). */
import type * as wit from "../generated/interfaces/portolan-image-registry.js";
import { system } from "#system";
import { PortolanError, attempt } from "./error.js";
import { instance } from "./toolkit.js";

/** What proves to a registry who we are. */
export type Credentials =
  | { username: string; password: string }
  /** A refresh token: it buys tokens at the registry's token server. */
  | { identity: string }
  /** A token that is handed to the registry as it is. */
  | { token: string };

/** What is known of a registry where credentials are kept, as far as there is such a place. */
export async function knownCredentials(registry: string): Promise<Credentials | undefined> {
  const { credentials } = await instance();
  return system.credentials?.({
    file: (bytes, path) => {
      try {
        const found = attempt(() => credentials.find(bytes, registry));
        return found.tag === "helper" ? found.val : found.tag === "credentials" ? toCredentials(found.val) : undefined;
      } catch (error) {
        throw error instanceof PortolanError ? new PortolanError(error.code, `${path}: ${error.message}`) : error;
      }
    },
    answer: (bytes) => {
      const found = attempt(() => credentials.parse(bytes));
      return found && toCredentials(found);
    },
  });
}

function toCredentials({ tag, val }: wit.Credentials): Credentials {
  return tag === "password" ? val : tag === "identity" ? { identity: val } : { token: val };
}

export function fromCredentials(given: Credentials): wit.Credentials {
  if ("identity" in given) return { tag: "identity", val: given.identity };
  if ("token" in given) return { tag: "token", val: given.token };
  return { tag: "password", val: { username: given.username, password: given.password } };
}
