// @ts-check
/** The page as it is built, below some path of a static host, in Chromium. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const DIST = fileURLToPath(new URL("../dist", import.meta.url));
const BELOW = "/some/path/";
const TYPES = /** @type {Record<string, string>} */ ({ ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".wasm": "application/wasm" });
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** Where the browser is; nothing where there is none. */
export const executable = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => path && existsSync(path));

/** Serves the page, and folders of other things beside it. @param {Record<string, Buffer>} [others] */
export async function serve(others = {}) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://x");
    const other = others[pathname];
    if (other) return void response.writeHead(200).end(other);
    if (!pathname.startsWith(BELOW)) return void response.writeHead(404).end();
    const path = join(DIST, normalize(decodeURIComponent(pathname.slice(BELOW.length))));
    const file = existsSync(path) && statSync(path).isDirectory() ? join(path, "index.html") : path;
    if (!existsSync(file)) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    response.end(readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const close = () => new Promise((resolve) => {
    server.closeAllConnections();
    server.close(() => resolve(undefined));
  });
  return { url: `http://127.0.0.1:${port}${BELOW}`, origin: `http://127.0.0.1:${port}`, close };
}

/** Starts the browser. */
export function launch() {
  return chromium.launch({ executablePath: /** @type {string} */ (executable), headless: true, args: FLAGS });
}

/** Opens a page that collects what it complains of: errors, and requests to anybody else. @param {import("playwright-core").Browser} browser @param {string} url @param {object} [options] */
export async function open(browser, url, options = {}) {
  const page = await browser.newPage(options);
  /** @type {string[]} */
  const complaints = [];
  page.on("console", (message) => void (message.type() === "error" && complaints.push(message.text())));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(url).origin) && !/^(blob|data):/.test(request.url())) complaints.push(`a request to ${request.url()}`);
  });
  await page.goto(url);
  return { page, complaints };
}

/** Waits until nothing is awaited any more. @param {import("playwright-core").Page} page */
export async function settled(page) {
  await page.waitForSelector("main > *");
  await page.waitForFunction(() => !document.querySelector(".waiting"));
}

/** Opens a file as a person does, from the page where images are opened. @param {import("playwright-core").Page} page @param {string} name @param {Buffer} buffer */
export async function choose(page, name, buffer) {
  await page.setInputFiles("#file", { name, mimeType: "application/octet-stream", buffer });
  await page.waitForFunction(() => location.hash.includes("overview") || document.querySelector(".failure"));
  await settled(page);
}

/** What stands on the page, without the marks that keep names in their places. @param {import("playwright-core").Page} page */
export const text = async (page) => (await page.innerText("main")).replace(/[\u2066-\u2069]/g, "");

/**
 * The page, served and in a browser for the tests of a file, which `before` and `after` begin and end.
 * @param {() => Record<string, Buffer>} [others]
 */
export function explorer(others = () => ({})) {
  /** @type {Awaited<ReturnType<typeof serve>> | undefined} */
  let site;
  /** @type {import("playwright-core").Browser | undefined} */
  let browser;
  return {
    skip: executable ? false : "there is no Chromium here: `make setup` installs it",
    async begin() {
      if (!executable) return;
      site = await serve(others());
      browser = await launch();
    },
    async end() {
      await browser?.close();
      await site?.close();
    },
    /** @param {string} view */
    address: (view) => `${site?.url}#/${view}`,
    /** @param {string} view @param {object} [options] */
    async at(view, options) {
      const opened = await open(/** @type {import("playwright-core").Browser} */ (browser), `${site?.url}#/${view}`, options);
      await settled(opened.page);
      return opened;
    },
  };
}
