// @ts-check
/** A registry in a few lines, which does as it is told: it keeps blobs and manifests in memory, and misbehaves on request. */
import { createHash } from "node:crypto";
import { createServer } from "node:http";

/**
 * @typedef {import("node:http").IncomingMessage} Request
 * @typedef {import("node:http").ServerResponse} Response
 * @typedef {{ method: string, path: string, headers: import("node:http").IncomingHttpHeaders, port: number, sent?: number, ended?: boolean }} Seen
 */

const sha256 = (/** @type {Uint8Array} */ bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

export class Registry {
  /** By their digests. @type {Map<string, Buffer>} */
  blobs = new Map();
  /** By digest and by tag. @type {Map<string, { bytes: Buffer, mediaType: string }>} */
  manifests = new Map();
  /** @type {Map<string, Buffer>} */
  uploads = new Map();
  /** Every request in its order. @type {Seen[]} */
  seen = [];
  /** Whether a token is wanted, bought with this name and password. @type {{ username: string, password: string } | undefined} */
  login;
  /** Answers a request instead of the registry; nothing lets the registry answer. @type {(request: Request, response: Response, seen: Seen) => boolean | void} */
  instead = () => {};
  /** Headers of every answer. @type {Record<string, string>} */
  headers = {};
  /** Whether blobs are at another port. */
  redirects = false;
  /** Bytes of a second. @type {number | undefined} */
  pace;
  #servers = [createServer(), createServer()];

  async start() {
    for (const server of this.#servers) {
      server.on("request", (request, response) => void this.#answer(request, response).catch(() => response.destroy()));
      await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
    }
    return this;
  }

  /** @param {number} index */
  #port(index) {
    return /** @type {import("node:net").AddressInfo} */ (this.#servers[index].address()).port;
  }
  get name() {
    return `127.0.0.1:${this.#port(0)}`;
  }
  get elsewhere() {
    return this.#port(1);
  }
  async close() {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  /** Puts everything of a layout in; its tagged entries become tags. @param {import("./blobs.js").Layout} layout */
  put(layout) {
    for (const [digest, bytes] of layout.blobs) {
      this.blobs.set(digest, bytes);
      const { mediaType } = bytes[0] === 0x7b ? JSON.parse(bytes.toString()) : {};
      if (mediaType) this.manifests.set(digest, { bytes, mediaType });
    }
    for (const entry of /** @type {any[]} */ (layout.entries)) {
      const tag = entry.annotations?.["org.opencontainers.image.ref.name"];
      const found = this.manifests.get(entry.digest);
      if (tag && found) this.manifests.set(tag, found);
    }
    return this;
  }

  /** How many requests there were for something. @param {string} method @param {string} part */
  count(method, part) {
    return this.seen.filter((request) => request.method === method && request.path.includes(part)).length;
  }

  /** @param {Request} request @param {Response} response */
  async #answer(request, response) {
    const { method = "", url = "", headers, socket } = request;
    const port = socket.localPort ?? 0;
    /** @type {Seen} */
    const seen = { method, path: url, headers, port };
    this.seen.push(seen);
    response.on("close", () => (seen.ended = true));
    for (const [name, value] of Object.entries(this.headers)) response.setHeader(name, value);
    const answer = (/** @type {number} */ status, /** @type {Record<string, string>} */ more = {}, /** @type {string | Buffer} */ body = "") => {
      response.writeHead(status, { "Content-Length": String(Buffer.byteLength(body)), ...more });
      response.end(method === "HEAD" ? "" : body);
    };
    if (method === "OPTIONS") return answer(204);
    if (this.instead(request, response, seen)) return;
    const { pathname, searchParams } = new URL(url, "http://registry");
    const token = Buffer.from(`${this.login?.username}:${this.login?.password}`).toString("base64");
    if (pathname === "/token") {
      if (headers.authorization !== `Basic ${token}`) return answer(401);
      return answer(200, {}, JSON.stringify({ token: `token-${token}`, expires_in: 300 }));
    }
    if (this.login && port !== this.elsewhere && headers.authorization !== `Bearer token-${token}`) {
      const challenge = `Bearer realm="http://${this.name}/token",service="test",scope="repository:app:pull"`;
      return answer(401, { "WWW-Authenticate": challenge }, JSON.stringify({ errors: [{ code: "UNAUTHORIZED", message: "who are you" }] }));
    }
    const body = () => new Promise((/** @type {(bytes: Buffer) => void} */ resolve, reject) => {
      /** @type {Buffer[]} */
      const parts = [];
      request.on("data", (part) => parts.push(part)).on("end", () => resolve(Buffer.concat(parts))).on("error", reject);
    });
    const [, kind, name = ""] = pathname.match(/^\/v2\/app\/(manifests|blobs|tags|referrers)\/(.*)$/) ?? [];
    if (pathname === "/v2/") return answer(200, {}, "{}");
    if (kind === "tags") {
      const tags = [...this.manifests.keys()].filter((tag) => !tag.includes(":")).sort();
      return answer(200, {}, JSON.stringify({ name: "app", tags }));
    }
    if (kind === "manifests" && method === "PUT") {
      const bytes = await body();
      const found = { bytes, mediaType: String(headers["content-type"]) };
      for (const key of [name, sha256(bytes)]) this.manifests.set(key, found);
      return answer(201, { "Docker-Content-Digest": sha256(bytes), Location: pathname });
    }
    if (kind === "manifests") {
      const found = this.manifests.get(name);
      if (method === "DELETE") return answer(this.manifests.delete(name) ? 202 : 404);
      if (!found) return answer(404, {}, JSON.stringify({ errors: [{ code: "MANIFEST_UNKNOWN", message: "not here" }] }));
      return answer(200, { "Content-Type": found.mediaType, "Docker-Content-Digest": sha256(found.bytes) }, found.bytes);
    }
    if (kind === "blobs" && name.startsWith("uploads/")) return this.#upload(method, name.slice(8), searchParams, await body(), answer);
    if (kind === "blobs") {
      const found = this.blobs.get(name);
      if (!found) return answer(404);
      if (this.redirects && port !== this.elsewhere) return answer(307, { Location: `http://127.0.0.1:${this.elsewhere}${url}` });
      const start = Number(headers.range?.match(/^bytes=(\d+)-$/)?.[1] ?? 0);
      const part = found.subarray(start);
      response.writeHead(start > 0 ? 206 : 200, {
        "Content-Length": String(part.length),
        ...(start > 0 && { "Content-Range": `bytes ${start}-${found.length - 1}/${found.length}` }),
      });
      return method === "HEAD" ? void response.end() : this.#send(response, part, seen);
    }
    return answer(404);
  }

  /** @param {string} method @param {string} id @param {URLSearchParams} query @param {Buffer} bytes @param {Function} answer */
  #upload(method, id, query, bytes, answer) {
    const key = id || `upload-${this.uploads.size}`;
    if (method === "POST" && query.get("mount") && this.blobs.has(String(query.get("mount")))) return answer(201, { Location: "/" });
    const have = Buffer.concat([this.uploads.get(key) ?? Buffer.alloc(0), bytes]);
    this.uploads.set(key, have);
    const Location = `/v2/app/blobs/uploads/${key}`;
    if (method !== "PUT") return answer(202, { Location, Range: `0-${Math.max(0, have.length - 1)}` });
    const digest = String(query.get("digest"));
    if (sha256(have) !== digest) return answer(400, {}, JSON.stringify({ errors: [{ code: "DIGEST_INVALID", message: "not those bytes" }] }));
    this.blobs.set(digest, have);
    return answer(201, { Location: `/v2/app/blobs/${digest}`, "Docker-Content-Digest": digest });
  }

  /** @param {Response} response @param {Buffer} bytes @param {Seen} seen */
  async #send(response, bytes, seen) {
    seen.sent = 0;
    if (this.pace === undefined) {
      seen.sent = bytes.length;
      return void response.end(bytes);
    }
    const step = Math.ceil(this.pace / 50);
    for (let start = 0; start < bytes.length && !response.destroyed; start += step) {
      response.write(bytes.subarray(start, start + step));
      seen.sent += Math.min(step, bytes.length - start);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    response.end();
  }
}
