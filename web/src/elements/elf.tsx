/** What the headers of a program or library say. */
import { contentOf } from "../content.ts";
import { type Elf, elf } from "../lens.ts";
import { count, counted, shown, size } from "../text.ts";
import type { Seen } from "./content.tsx";
import { Facts } from "./facts.tsx";
import { Loading, useAwaited } from "./loading.tsx";
import { Table } from "./table.tsx";

export default function Headers({ image, file }: Seen) {
  const found = useAwaited(async (signal) => elf(await contentOf(image, file, { verify: false, signal })), [image, file]);
  return <Loading of={found} what="Reading the headers">{(found) => (found ? <Shown {...found} /> : <p>It begins as an ELF file does, and is none.</p>)}</Loading>;
}

function Shown({ bits, buildId, entry, hasDebugInfo, interpreter, isBigEndian, isStripped, kind, machine, name, needed, problems, runPath, sectionCount, sections, system }: Elf) {
  const symbols = isStripped === undefined ? "unknown: it has no sections" : isStripped ? "stripped" : "has symbols";
  return (
    <>
      {problems.map((problem) => <p key={problem} class="note">Not all of it can be read: {shown(problem)}.</p>)}
      <Facts
        of={[
          ["Kind", <>{shown(kind)}, {bits} bits{isBigEndian && ", big-endian"}</>],
          ["Machine", shown(machine)],
          ["System", shown(system)],
          ["Begins at", entry !== "0x0" && <code>{entry}</code>],
          ["Interpreter", interpreter !== undefined && <code>{shown(interpreter)}</code>],
          ["Called", name !== undefined && <code>{shown(name)}</code>],
          ["Symbols", <>{symbols}{hasDebugInfo && ", with debug information"}</>],
          ["Build ID", buildId !== undefined && <code>{buildId}</code>],
          ["Looks in", runPath !== undefined && <code>{shown(runPath)}</code>],
        ]}
      />
      <h3>Libraries</h3>
      {needed.length === 0 ? <p class="note">It needs none.</p> : <ul class="plain libraries">{needed.map((library, at) => <li key={at}><code>{shown(library)}</code></li>)}</ul>}
      <h3>Sections</h3>
      {sections.length === 0 ? <p class="note">It has none.</p> : (
        <>
          <Table caption="Sections" heads={["Name", "Type", "Size", "Address", "Offset", "Flags"]}>
            {sections.map((section, at) => (
              <tr key={at}>
                <td><code>{shown(section.name)}</code></td>
                <td>{shown(section.kind)}</td>
                <td class="number" title={`${count(section.size)} bytes`}>{size(section.size)}</td>
                <td><code>{section.address}</code></td>
                <td><code>{section.offset}</code></td>
                <td><code>{section.flags}</code></td>
              </tr>
            ))}
          </Table>
          <p class="note">Flags: W may be written, A is in memory, X is run, M and S may be merged, T is for each thread.{sectionCount > sections.length + 1 && ` It says that it has ${counted(sectionCount, "section")}.`}</p>
        </>
      )}
    </>
  );
}
