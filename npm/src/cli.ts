#!/usr/bin/env node
/** `npx portolan`: look at images and verify them, for those without the native program. */
import { parseArgs } from "node:util";
import { PortolanError } from "./error.js";
import { type Image, type OpenOptions, listImages, openImage } from "./image.js";
import type { Finding } from "./manifest.js";
import { createWorkerPool } from "./pool.js";
import { printable } from "./printable.js";
import type { RegistryOptions } from "./registry.js";
import { toolkit } from "./toolkit.js";
import type { Node } from "./tree.js";

const HELP = `Look at OCI images and verify them

Usage: portolan <COMMAND> [OPTIONS] <IMAGE>

Commands:
  inspect    Show what an image is
  platforms  List the images of an index
  tree       List the files of all layers together; with a PATTERN, those that match
  verify     Verify every blob: sizes, digests, DiffIDs, and that documents agree

Options:
  -p, --platform <OS/ARCH>  The platform, such as linux/arm64 [default: this machine's]
      --json                Answer in JSON
      --limits <KEY=VALUE>  What an image may ask for, such as layers=16,ratio=200
      --jobs <N>            How many layers to read at once [default: one a processor]
      --plain-http          Speak to registries without TLS
  -h, --help                Print help
  -V, --version             Print version

The image is a layout directory or an archive: oci:DIR:TAG, oci-archive:FILE, docker-archive:FILE, or a path; or a name at a
registry, such as ghcr.io/org/app:1.0, where no file has that name.

Examples:
  npx portolan inspect oci:images/busybox:1.36
  npx portolan tree busybox.tar 'etc/**'
  npx portolan verify --json saved.tar
  npx portolan inspect docker://alpine

Exit codes: 0 done, 1 the image is wrong, 2 the run failed.`;

const OPTIONS = {
  platform: { type: "string", short: "p", multiple: true },
  json: { type: "boolean" },
  limits: { type: "string" },
  jobs: { type: "string" },
  "plain-http": { type: "boolean" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "V" },
} as const;

/** What is wrong with how the program was called. */
class Usage extends Error {}

type Values = { platform?: string[]; json?: boolean; limits?: string; jobs?: string; "plain-http"?: boolean };

async function run(argv: string[]): Promise<number> {
  let parsed;
  try {
    parsed = parseArgs({ args: argv, options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new Usage(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  const [command, reference, ...rest] = positionals;
  if (values.help) return say(HELP);
  if (values.version) return say(`portolan ${await version()}`);
  if (command === undefined) throw new Usage("expected a command");
  const commands: Record<string, (reference: string, values: Values, rest: string[]) => Promise<number>> = { inspect, platforms, tree, verify };
  const chosen = Object.hasOwn(commands, command) ? commands[command] : undefined;
  if (!chosen) throw new Usage(`there is no command ${printable(command)}`);
  if (reference === undefined) throw new Usage("expected an image");
  if (rest.length > (command === "tree" ? 1 : 0)) throw new Usage(`unexpected argument ${printable(rest.at(-1) as string)}`);
  return chosen(reference, values, rest);
}

async function version(): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  return JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")).version;
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

function sayJson(value: unknown): number {
  const bytes = (_: string, it: unknown) => (it instanceof Uint8Array ? Buffer.from(it).toString("base64") : it);
  return say(JSON.stringify(value, bytes, 2));
}

/** What the options say of limits and registries. */
async function openOptions(values: Values): Promise<OpenOptions> {
  const limits = values.limits === undefined ? undefined : (await toolkit()).limits.parse(values.limits);
  const registry: RegistryOptions | undefined = values["plain-http"] ? { transport: "plain" } : undefined;
  return { ...(limits && { limits }), ...(registry && { registry }) };
}

/** Opens the image with workers, does something with it, and frees both. */
async function withImage(reference: string, values: Values, use: (image: Image) => Promise<number>): Promise<number> {
  const options = await openOptions(values);
  const jobs = values.jobs === undefined ? undefined : Number(values.jobs);
  if (jobs !== undefined && (!Number.isInteger(jobs) || jobs < 1)) throw new Usage(`expected a number of jobs, not ${printable(values.jobs ?? "")}`);
  const pool = jobs === 1 ? undefined : createWorkerPool(jobs === undefined ? {} : { size: jobs });
  try {
    const image = await openImage(reference, {
      ...(pool && { pool }),
      ...options,
      ...(values.platform && { platform: values.platform.flatMap((text) => text.split(",")) }),
    });
    try {
      return await use(image);
    } finally {
      await image.close();
    }
  } finally {
    await pool?.close();
  }
}

const inspect = (reference: string, values: Values) =>
  withImage(reference, { ...values, jobs: "1" }, async (image) => {
    const { platform: platforms } = await toolkit();
    const { kind, descriptor, indexes, manifest, config, platform, annotations, layers } = image;
    if (values.json) return sayJson({ reference, kind, indexes, descriptor, platform, manifest, config, annotations, layers });
    const lines: [string, string | undefined][] = [
      ["image", `${reference} (${kind})`],
      ["digest", descriptor.digest],
      ["media type", descriptor.mediaType],
      ["platform", platform && platforms.format(platform)],
      ["created", config?.created],
      ["user", config?.user],
      ["entrypoint", config && config.entrypoint.length > 0 ? JSON.stringify(config.entrypoint) : undefined],
      ["command", config && config.cmd.length > 0 ? JSON.stringify(config.cmd) : undefined],
      ["directory", config?.workingDir],
      ...(config?.env ?? []).map((it): [string, string] => ["env", it]),
      ...annotations.map(({ key, value, origin }): [string, string] => [origin, `${key}=${value}`]),
      ...layers.map(({ digest, size, mediaType }, index): [string, string] => [`layer ${index}`, `${digest}  ${human(size)}  ${mediaType}`]),
    ];
    return say(
      lines
        .filter((line): line is [string, string] => line[1] !== undefined && line[1] !== "")
        .map(([name, value]) => `${name.padEnd(11)} ${printable(value)}`)
        .join("\n"),
    );
  });

async function platforms(reference: string, values: Values): Promise<number> {
  const images = await listImages(reference, await openOptions(values));
  if (values.json) return sayJson(images);
  const { platform: platforms } = await toolkit();
  const lines = images.map(({ descriptor, platform, attestation, attestationOf }) => {
    const name = attestation ? `attestation of ${attestationOf ?? "something"}` : platform ? platforms.format(platform) : "-";
    return `${descriptor.digest}  ${printable(name)}`;
  });
  return say(lines.join("\n"));
}

const tree = (reference: string, values: Values, [pattern]: string[]) =>
  withImage(reference, values, async (image) => {
    const files = await image.tree();
    if (values.json) {
      const nodes: Node[] = [];
      for await (const node of files.walk(pattern)) nodes.push(node);
      return sayJson({ reference, digest: image.descriptor.digest, entries: nodes });
    }
    let lines: string[] = [];
    for await (const node of files.walk(pattern)) {
      lines.push(listing(node));
      if (lines.length === 1000) {
        say(lines.join("\n"));
        lines = [];
      }
    }
    return lines.length > 0 ? say(lines.join("\n")) : 0;
  });

const LETTERS: Record<Node["kind"], string> = {
  file: "-",
  directory: "d",
  symlink: "l",
  "hard-link": "h",
  "char-device": "c",
  "block-device": "b",
  fifo: "p",
};

function listing({ kind, mode, uid, gid, size, path, target, sameAs, device }: Node): string {
  const permissions = [6, 3, 0].map((shift) => {
    const bits = (mode >> shift) & 7;
    const special = mode & (shift === 6 ? 0o4000 : shift === 3 ? 0o2000 : 0o1000);
    const letter = shift === 0 ? "t" : "s";
    const last = special ? (bits & 1 ? letter : letter.toUpperCase()) : bits & 1 ? "x" : "-";
    return `${bits & 4 ? "r" : "-"}${bits & 2 ? "w" : "-"}${last}`;
  });
  const length = device ? `${device.major},${device.minor}` : String(size ?? 0);
  const more = target !== undefined ? ` -> ${printable(target)}` : sameAs !== undefined ? ` = ${printable(sameAs)}` : "";
  return `${LETTERS[kind]}${permissions.join("")} ${`${uid}:${gid}`.padEnd(9)} ${length.padStart(10)}  ${printable(path) || "/"}${more}`;
}

const verify = (reference: string, values: Values) =>
  withImage(reference, values, async (image) => {
    const everything = values.platform === undefined;
    const found = image.verify({ everything });
    const show = ({ severity, code, place, message }: Finding) =>
      say(`${severity === "failure" ? "error" : "warning"}[${code}] ${printable(place)}: ${printable(message)}`);
    for (;;) {
      const { done, value } = await found.next();
      if (!done) {
        if (!values.json) show(value);
        continue;
      }
      if (values.json) sayJson({ reference, ...value });
      else say(`verified ${count(value.documents, "document")}, ${count(value.layers, "layer")} (${human(value.bytes)}): ${value.errors === 0 ? "no errors" : count(value.errors, "error")}`);
      return value.errors > 0 ? 1 : 0;
    }
  });

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function human(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let [value, unit] = [bytes, 0];
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** The errors of a run that failed; all others are of the image. */
const RUN: ReadonlySet<string> = new Set(["invalid-source", "unsupported", "defect", "invalid-reference", "invalid-platform", "reference-not-found", "platform-not-found", "path-not-found", "unauthorized", "registry-unreachable", "registry-refused", "invalid-response", "insecure-location", "invalid-state"]);

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // A reader that has seen enough is no error.
  process.exit(error.code === "EPIPE" ? 0 : 2);
});

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  if (error instanceof Usage) {
    process.stderr.write(`error: ${error.message}\nhelp: portolan --help\n`);
    process.exitCode = 2;
  } else {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`error: ${printable(message)}\n`);
    process.exitCode = error instanceof PortolanError && !RUN.has(error.code) ? 1 : 2;
  }
}
