// @ts-check
/** The package in a real browser: packed, installed, bundled with Vite, and served with a strict policy. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { build } from "vite";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const TYPES = /** @type {Record<string, string>} */ ({
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
  ".tar": "application/x-tar",
});
/** No code but the page's own, and no one else to talk to. */
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; object-src 'none'";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Where the browser is; nothing where there is none. */
export const executable = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => path && existsSync(path));

/** Packs the package and installs it into an empty folder, as its users do. */
export function installed() {
  const folder = mkdtempSync(join(tmpdir(), "portolan-npm-"));
  const npm = (/** @type {string[]} */ ...args) => execFileSync("npm", args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const tarball = npm("pack", PACKAGE, "--ignore-scripts", "--pack-destination", folder).trim().split("\n").at(-1);
  npm("init", "--yes");
  npm("install", "--no-fund", "--no-audit", "--offline", join(folder, String(tarball)));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Bundles a page beside the installed package, into a folder of the same name under `site`. @param {string} folder @param {string} from @param {string} name */
export async function bundle(folder, from, name) {
  const root = join(folder, "pages", name);
  mkdirSync(root, { recursive: true });
  cpSync(from, root, { recursive: true, filter: (path) => !path.includes("node_modules") });
  const config = join(PACKAGE, "examples/vite/vite.config.js");
  // What a page of ours is compared with is installed here and not there.
  const alias = { "modern-tar": join(PACKAGE, "node_modules/modern-tar/dist/web/index.js") };
  await build({ root, configFile: config, resolve: { alias }, logLevel: "error", build: { outDir: join(folder, "site", name), emptyOutDir: true } });
}

/** Bundles the page of a service worker, whose script keeps its name. @param {string} folder @param {string} from @param {string} name */
export async function bundleWorker(folder, from, name) {
  const root = join(folder, "pages", name);
  mkdirSync(root, { recursive: true });
  cpSync(from, root, { recursive: true });
  const outDir = join(folder, "site", name);
  const settings = { root, configFile: /** @type {false} */ (false), base: "./", logLevel: /** @type {const} */ ("error"), worker: { format: /** @type {const} */ ("es") } };
  const output = { entryFileNames: "[name].js", format: /** @type {const} */ ("es") };
  await build({ ...settings, build: { outDir, target: "es2022", assetsInlineLimit: 0, rollupOptions: { input: join(root, "worker.js"), output, preserveEntrySignatures: false } } });
  for (const file of ["index.html", "page.js"]) cpSync(join(root, file), join(outDir, file));
}

/** Serves a folder whose pages may talk to no others than are named. @param {string} folder @param {string[]} [others] @returns {Promise<{ url: string, close: () => Promise<void> }>} */
export async function serve(folder, others = []) {
  const policy = others.length > 0 ? `${POLICY}; connect-src 'self' ${others.join(" ")}` : POLICY;
  const server = createServer((request, response) => {
    const path = join(folder, normalize(decodeURIComponent(new URL(request.url ?? "/", "http://x").pathname)));
    const file = existsSync(path) && statSync(path).isDirectory() ? join(path, "index.html") : path;
    if (!existsSync(file)) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "content-security-policy": policy });
    response.end(readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    }),
  };
}

/** Starts the browser. */
export function launch() {
  return chromium.launch({ executablePath: /** @type {string} */ (executable), headless: true, args: FLAGS });
}

/** Opens a page and collects what it complains of. @param {import("playwright-core").Browser} browser @param {string} url */
export async function open(browser, url) {
  const page = await browser.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on("console", (message) => {
    // A page of ours has no icon.
    if (message.type() === "error" && !message.location().url.endsWith("favicon.ico")) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(url).origin) && !/^(blob|data):/.test(request.url())) complaints.push(`a request to ${request.url()}`);
  });
  await page.goto(url);
  return { page, complaints };
}

/**
 * Does something in a page while the browser is traced, and answers the milliseconds of processor time that each task of the
 * page's main thread took between the page's marks `begin` and `end`. What else runs on the machine does not count.
 * @template T
 * @param {import("playwright-core").Browser} browser
 * @param {() => Promise<T>} work
 */
export async function traced(browser, work) {
  const session = await browser.newBrowserCDPSession();
  /** @type {any[]} */
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const complete = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
  const includedCategories = ["toplevel", "blink.user_timing"];
  await session.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories } });
  const result = await work();
  await session.send("Tracing.end");
  await complete;
  await session.detach();
  const mark = (/** @type {string} */ name) => events.find((event) => event.cat === "blink.user_timing" && event.name === name);
  const [begin, end] = [mark("begin"), mark("end")];
  const tasks = events.filter(
    ({ name, pid, tid, ts, tdur }) =>
      name === "ThreadControllerImpl::RunTask" && pid === begin.pid && tid === begin.tid && ts >= begin.ts && ts <= end.ts && tdur !== undefined,
  );
  return { result, tasks: tasks.map(({ tdur }) => /** @type {number} */ (tdur) / 1000) };
}
