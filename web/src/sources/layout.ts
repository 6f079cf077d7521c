/** A layout that any server hands out as files, as far as it lets pages of other origins read them. */
import { type BlobSource, PortolanError } from "portolan";

export function staticLayout(url: string): BlobSource {
  const base = new URL(url.endsWith("/") ? url : `${url}/`);
  if (!/^https?:$/.test(base.protocol)) throw new PortolanError("invalid-source", `${base.protocol} is no address of a layout: http and https are`);
  const get = async (path: string, headers: Record<string, string>, signal: AbortSignal | undefined) => {
    try {
      return await fetch(new URL(path, base), { headers, referrerPolicy: "no-referrer", credentials: "omit", ...(signal && { signal }) });
    } catch (error) {
      if (signal?.aborted) throw error;
      const message = `${base.host} cannot be read: it is not there, or does not let pages of other origins read it (CORS)`;
      throw new PortolanError("invalid-source", message, { cause: error });
    }
  };
  return {
    async index(signal) {
      const response = await get("index.json", {}, signal);
      if (!response.ok) throw new PortolanError("invalid-source", `${base.href} holds no image layout: index.json was answered with ${response.status}`);
      return new Uint8Array(await response.arrayBuffer());
    },
    async read({ digest, size }, range, signal) {
      const { offset = 0, length = size - offset } = range ?? {};
      const isPart = offset > 0 || length < size;
      const response = await get(`blobs/${digest.replace(":", "/")}`, isPart ? { range: `bytes=${offset}-${offset + length - 1}` } : {}, signal);
      if (!response.ok) return undefined;
      if (!isPart) return response.body ?? undefined;
      if (response.status === 206) return response.body ?? undefined;
      return (await response.blob()).slice(offset, offset + length);
    },
  };
}
