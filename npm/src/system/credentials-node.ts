/** Where credentials are kept: the files of Docker and Podman, and the helpers that they name. */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { PortolanError } from "../error.js";
import type { Credentials } from "../credentials.js";
import type { CredentialReader } from "../system.js";

/** Every file in which credentials may be, in the order of looking. */
function files(): string[] {
  const { DOCKER_CONFIG, REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR } = process.env;
  return [
    join(DOCKER_CONFIG || join(homedir(), ".docker"), "config.json"),
    ...(REGISTRY_AUTH_FILE ? [REGISTRY_AUTH_FILE] : []),
    ...(XDG_RUNTIME_DIR ? [join(XDG_RUNTIME_DIR, "containers/auth.json")] : []),
    join(homedir(), ".config/containers/auth.json"),
  ];
}

/** The credentials from the first file that has any. */
export async function findCredentials(read: CredentialReader): Promise<Credentials | undefined> {
  for (const path of files()) {
    const config = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
      throw new PortolanError("invalid-source", `${path}: ${error.code ?? error.message}`, { cause: error });
    });
    if (!config) continue;
    const found = read.file(config, path);
    if (!found || !("program" in found)) {
      if (found) return found;
      continue;
    }
    const answer = await ask(`docker-credential-${found.program}`, found.server);
    const credentials = answer && read.answer(answer);
    if (credentials) return credentials;
  }
  return undefined;
}

/** Asks a helper; nothing where it says that it has no such credentials. */
function ask(program: string, server: string): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    const failed = (reason: string, cause?: unknown) => reject(new PortolanError("invalid-source", `${program} get: ${reason}`, { cause }));
    const child = spawn(program, ["get"], { stdio: ["pipe", "pipe", "inherit"], windowsHide: true });
    const said: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => said.push(chunk));
    child.on("error", (error) => failed(error.message, error));
    child.on("close", (code) => {
      const answer = Buffer.concat(said);
      if (code === 0) resolve(answer);
      // What every helper says, from the library that they share.
      else if (answer.includes("credentials not found")) resolve(undefined);
      else failed(answer.toString().trim().slice(0, 300) || `it ended with ${code}`);
    });
    // A helper that does not read its input says why itself.
    child.stdin.on("error", () => {});
    child.stdin.end(server);
  });
}
