/** An image at a registry: what a name resolves to, read from there as it is needed. */
import { attempt } from "../error.js";
import type { ImageName, Registries } from "../registry.js";
import type { Name } from "../reference.js";
import type { Source } from "../source.js";
import { instance } from "../toolkit.js";
import { type Descriptor, fromDescriptor } from "../types.js";
import { first, memoryBytes, storedBlob } from "./bytes.js";

/** What a tag or digest at a registry names now. It stays that, whatever becomes of the tag. */
export async function registrySource(registries: Registries, { registry, repository, selector }: Name, signal?: AbortSignal): Promise<Source> {
  const name: ImageName = { registry, repository, selector };
  const root = await registries.resolve(name, { signal });
  const { registry: interfaces } = await instance();
  const index = attempt(() => interfaces.indexOf(fromDescriptor(root.descriptor)));
  return {
    kind: "registry",
    promisesLayerDigests: true,
    index: async () => index,
    fetch: async (descriptor: Descriptor, signal, range) => {
      if (descriptor.digest === root.descriptor.digest) return storedBlob(memoryBytes(root.bytes), 0, root.bytes.length);
      // What a descriptor embeds does not have to be there.
      if (descriptor.data && !(await registries.has(name, descriptor, { signal }))) return undefined;
      const { offset, length } = range ?? { offset: 0, length: descriptor.size };
      return {
        size: length,
        // Whoever reads it verifies it.
        stream: (signal) => {
          const bytes = registries.fetch(name, descriptor, { offset, verify: false, signal });
          return range ? first(bytes, length) : bytes;
        },
      };
    },
    referrers: (digest, options) => registries.referrers(name, digest, options),
    close: async () => {},
  };
}
