import { useMemo, useState } from "preact/hooks";
import type { Package } from "../statement.ts";
import { count, counted, shown } from "../text.ts";
import { Table } from "./table.tsx";

/** How many rows there are at once; a search finds the others. */
const MOST = 300;

/** The packages that an SBOM lists, to be searched. */
export function Packages({ of }: { of: Package[] }) {
  const [query, ask] = useState("");
  const found = useMemo(() => {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    return of.filter(({ name, version, licence, purl }) => {
      const line = `${name} ${version} ${licence} ${purl}`.toLowerCase();
      return words.every((word) => line.includes(word));
    });
  }, [of, query]);
  return (
    <section>
      <h3>Packages</h3>
      <div class="line filter">
        <input data-search type="search" aria-label="Look for packages" placeholder="Name, version, licence or purl" value={query} spellcheck={false} autocapitalize="none" onInput={(event) => ask(event.currentTarget.value)} />
        <span class="note" role="status">{query.trim() === "" ? counted(of.length, "package") : `${counted(found.length, "match", "matches")} among ${counted(of.length, "package")}`}</span>
      </div>
      <Table caption="Packages" heads={["Package", "Version", "Licence", "Package URL"]}>
        {found.slice(0, MOST).map(({ name, version, licence, purl }, at) => (
          <tr key={at}>
            <td class="wrap">{shown(name)}</td>
            <td class="wrap">{shown(version)}</td>
            <td class="wrap">{shown(licence)}</td>
            <td class="wrap"><code>{shown(purl)}</code></td>
          </tr>
        ))}
      </Table>
      {found.length > MOST && <p class="note">The first {count(MOST)} are shown: look for the others.</p>}
    </section>
  );
}
