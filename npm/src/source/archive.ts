/** Tar archives that hold images, read in place: their members, and what kind of archive they are (`wit/archive.wit`). */
import type * as wit from "../../generated/interfaces/portolan-image-archive.js";
import { system } from "#system";
import { PortolanError, attempt } from "../error.js";
import { release } from "../release.js";
import { type Source, type PartedBlob, mostBytes } from "../source.js";
import { instance } from "../toolkit.js";
import { type Limits, fromLimits, toNumber } from "../types.js";
import { type Bytes, storedBlob } from "./bytes.js";
import { dockerArchive } from "./docker-archive.js";
import { layout } from "./layout.js";

/** An archive with its members. */
export interface Archive {
  readonly name: string;
  /** A member; links are followed only when asked for. */
  member(path: string, follow: boolean): PartedBlob | undefined;
  /** A member that has to be there. */
  required(path: string, follow: boolean): PartedBlob;
  close(): Promise<void>;
}

/**
 * Opens an archive. Unless its kind is given, its content says what it is: those of Docker 25 and later are both kinds at
 * once, and are read as a layout, which promises more.
 */
export async function openArchive(
  bytes: Bytes,
  name: string,
  limits?: Limits,
  signal?: AbortSignal,
  kind?: "layout-archive" | "docker-archive",
): Promise<Source> {
  let held: { close(): Promise<void> } = bytes;
  try {
    const uncompressed = await plain(bytes, name, limits, signal);
    held = uncompressed;
    const archive = await members(uncompressed, name, limits, signal);
    held = archive;
    const is = kind ?? (archive.member("oci-layout", false) ? "layout-archive" : archive.member("manifest.json", true) ? "docker-archive" : undefined);
    if (is === "layout-archive") {
      archive.required("oci-layout", false);
      return await layout("image layout archive", async (path) => archive.member(path, false), () => archive.close(), limits);
    }
    if (is === "docker-archive") return await dockerArchive(archive, limits, signal);
    throw new PortolanError("invalid-source", `${name}: the archive has neither an oci-layout nor a manifest.json`);
  } catch (error) {
    await held.close();
    throw error;
  }
}

/** The archive without its compression: one that is compressed with gzip is copied aside. */
async function plain(bytes: Bytes, name: string, limits?: Limits, signal?: AbortSignal): Promise<Bytes> {
  const magic = await bytes.read(0, 2);
  if (magic[0] !== 0x1f || magic[1] !== 0x8b) return bytes;
  try {
    return await system.spool(system.gunzip(bytes.stream(0, bytes.size, signal)), await mostBytes(limits), signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof PortolanError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new PortolanError("invalid-compression", `${name}: the gzip stream is damaged: ${reason}`, { cause: error });
  } finally {
    await bytes.close();
  }
}

async function members(bytes: Bytes, name: string, limits?: Limits, signal?: AbortSignal): Promise<Archive> {
  const { archive } = await instance();
  const members: wit.Members = attempt(() => new archive.Members(fromLimits(limits)));
  const named = <T>(call: () => T): T => {
    try {
      return attempt(call);
    } catch (error) {
      if (error instanceof PortolanError && error.code !== "defect") throw new PortolanError(error.code, `${name}: ${error.message}`);
      throw error;
    }
  };
  try {
    for (let range = members.next(); range; range = members.next()) {
      signal?.throwIfAborted();
      const read = await bytes.read(toNumber(range.offset), range.length);
      named(() => members.supply(read));
    }
  } catch (error) {
    release(members);
    throw error;
  }
  const member = (path: string, follow: boolean) => {
    const found = named(() => members.find(path, follow));
    return found && storedBlob(bytes, toNumber(found.offset), toNumber(found.size));
  };
  return {
    name,
    member,
    required: (path, follow) => {
      const found = member(path, follow);
      if (!found) throw new PortolanError("invalid-source", `${name}: the archive has no member ${JSON.stringify(path)}`);
      return found;
    },
    close: async () => {
      release(members);
      await bytes.close();
    },
  };
}
