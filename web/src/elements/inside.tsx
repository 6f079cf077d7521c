/** What is in a file that holds others: a list, and nothing of it is opened. */
import { type Change, PortolanError } from "portolan";
import { archiveType, isElf, isText, read } from "../content.ts";
import { nested } from "../session.ts";
import { layerSource } from "../sources/file.ts";
import { count, counted, shown, shownLines, size } from "../text.ts";
import { MOST, type Member, zipMembers } from "../zip.ts";
import type { Seen } from "./content.tsx";
import { Hex } from "./hex.tsx";
import { Failure, Loading, useAwaited } from "./loading.tsx";
import { Rows } from "./rows.tsx";

/** The largest file that is looked into, and the most that one is unpacked to. */
const MOST_BYTES = 64 << 20;
/** How much is shown of what was compressed and is no archive. */
const SHOWN_BYTES = 1 << 16;

type Inside = { kind: string; members: Member[]; error?: unknown } | { kind: string; bytes: Uint8Array; isCut: boolean };

export default function Inside({ image, file }: Seen) {
  const inside = useAwaited(async (signal) => {
    if ((file.size ?? 0) > MOST_BYTES) throw new PortolanError("limit-exceeded", `the file is larger than ${size(MOST_BYTES)}, and not looked into here: save it for that`);
    return look(await read(image, file, MOST_BYTES, signal), file.path, signal);
  }, [image, file]);
  return <Loading of={inside} what="Looking into the file">{(inside) => ("members" in inside ? <Members {...inside} /> : <Unpacked {...inside} />)}</Loading>;
}

async function look(bytes: Uint8Array<ArrayBuffer>, path: string, signal: AbortSignal): Promise<Inside> {
  const type = archiveType(bytes);
  if (type === "zip") return { kind: "zip archive", members: zipMembers(bytes) };
  if (type === "tar") return { kind: "tar archive", ...(await tarMembers(bytes, path, "", signal)) };
  if (type === "zstd") return { kind: "zstd", ...(await tarMembers(bytes, path, "+zstd", signal)) };
  const { bytes: inner, isCut } = await gunzip(bytes);
  if (archiveType(inner) === "tar") return { kind: "tar archive, gzip", ...(await tarMembers(bytes, path, "+gzip", signal)) };
  return { kind: "gzip", bytes: inner, isCut };
}

async function gunzip(bytes: Uint8Array<ArrayBuffer>): Promise<{ bytes: Uint8Array; isCut: boolean }> {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const shown = new Uint8Array(SHOWN_BYTES);
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw new PortolanError("invalid-compression", `the gzip stream is damaged: ${error instanceof Error ? error.message : error}`);
    });
    if (done) return { bytes: shown.subarray(0, length), isCut: false };
    shown.set(value.subarray(0, SHOWN_BYTES - length), length);
    length = Math.min(SHOWN_BYTES, length + value.length);
    if (length === SHOWN_BYTES) {
      void reader.cancel().catch(() => undefined);
      return { bytes: shown, isCut: true };
    }
  }
}

/** Tar archives are read as layers are: in a worker, and with the same limits. What was read before a failure is shown. */
async function tarMembers(bytes: Uint8Array<ArrayBuffer>, path: string, suffix: string, signal: AbortSignal): Promise<{ members: Member[]; error?: unknown }> {
  const image = await nested(await layerSource(new File([bytes], path), suffix));
  const members: Member[] = [];
  try {
    for await (const change of image.changes({ layer: 0, verify: false, signal })) {
      const member = memberOf(change);
      if (member) members.push(member);
      if (members.length === MOST) break;
    }
    return { members };
  } catch (error) {
    return { members, error };
  } finally {
    await image.close();
  }
}

function memberOf(change: Change): Member | undefined {
  if (change.type !== "entry" || change.path === "") return undefined;
  return { path: change.path, size: change.size ?? 0, isDirectory: change.kind === "directory" };
}

function Members({ kind, members, error }: { kind: string; members: Member[]; error?: unknown }) {
  const bytes = members.reduce((sum, member) => sum + member.size, 0);
  return (
    <>
      <p>{kind}: {counted(members.length, "member")}, {size(bytes)} unpacked{members.length === MOST ? `; no more than ${count(MOST)} are listed` : ""}.</p>
      {error !== undefined && <Failure error={error} />}
      {members.length > 0 && (
        <div class="members" style={{ height: `${members.length * 24 + 2}px` }}>
          <Rows
            label="Members"
            rows={members.map((member) => ({ ...member, depth: 0 }))}
            turn={() => undefined}
            enter={() => undefined}
            draw={({ isDirectory, path, size: bytes }) => (
              <>
                <span class={`file ${isDirectory ? "directory" : ""}`}><span class="text">{shown(path)}</span></span>
                <span class="size">{isDirectory ? "" : size(bytes)}</span>
              </>
            )}
          />
        </div>
      )}
    </>
  );
}

function Unpacked({ bytes, isCut }: { kind: string; bytes: Uint8Array; isCut: boolean }) {
  return (
    <>
      <p>gzip, of {isText(bytes) ? "a text" : isElf(bytes) ? "a program" : "bytes"}{isCut ? ", whose beginning is shown" : `, ${size(bytes.length)} unpacked`}.</p>
      {isText(bytes) ? <pre class="content" tabIndex={0} aria-label="text">{shownLines(new TextDecoder().decode(bytes))}</pre> : <Hex bytes={bytes} />}
    </>
  );
}
