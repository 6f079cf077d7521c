/** The server that the page came from, where that is `portolan serve --explorer`; a static host answers nothing of this. */

const TOKEN = "portolan-token";

/** What the server offers (`/explorer.json`). */
export interface Offer {
  registry: boolean;
  repositories: string[];
  proxies: { registry: string; hosts: string[]; path: string }[];
}

/** Takes the token out of the URL, so that it is in no link that is copied. It is forgotten with the tab. */
export function admit() {
  const token = /^#token=([\w-]+)$/.exec(location.hash)?.[1];
  if (!token) return;
  sessionStorage.setItem(TOKEN, token);
  history.replaceState(null, "", "#/");
}

let asked: Promise<Offer | undefined> | undefined;

/** What the server offers; nothing where it is none of ours. */
export function offer(): Promise<Offer | undefined> {
  return (asked ??= ask().catch(() => undefined));
}

async function ask(): Promise<Offer | undefined> {
  const token = sessionStorage.getItem(TOKEN);
  if (!token) return undefined;
  const response = await fetch(new URL("explorer.json", document.baseURI), { headers: { [TOKEN]: token } });
  return response.ok ? ((await response.json()) as Offer) : undefined;
}

/** `fetch` that asks the server instead of a registry that the server can ask for us. */
export async function proxied(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const url = new URL(input instanceof Request ? input.url : input);
  const proxy = (await offer())?.proxies.find(({ registry, hosts }) => registry === url.host || hosts.includes(url.host));
  if (!proxy || url.origin === location.origin) return fetch(input, init);
  const path = new URL(`${proxy.path}${url.pathname}${url.search}`, location.origin);
  return fetch(path, input instanceof Request ? { method: input.method, headers: input.headers, signal: input.signal } : init);
}
