/** Where the other image of a comparison is from: this place, one that is open, a file, or a name. */
import type { TargetedEvent } from "preact";
import { useState } from "preact/hooks";
import { type Route, go } from "../route.ts";
import { choose, nameOf, named, places } from "../session.ts";
import { fileSource } from "../sources/file.ts";
import { shown } from "../text.ts";
import { Failure } from "./loading.tsx";

export function Other({ route }: { route: Route }) {
  const [error, fail] = useState<unknown>();
  const [busy, work] = useState("");
  const { with: _, there, ...here } = route;
  const to = (place: string) => go(place === "" || place === route.from ? here : { ...here, there: place });
  const take = async (file: File) => {
    work(`Reading ${shown(file.name)}…`);
    fail(undefined);
    try {
      to(choose(file.name, await fileSource(file)));
    } catch (error) {
      fail(error);
    }
    work("");
  };
  const open = (event: TargetedEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get("other")).trim();
    if (name) to(named(name));
  };
  const others = [...new Set([...places(), ...(there ? [there] : [])])].filter((place) => place !== route.from);
  return (
    <div
      class="drop other"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        const file = event.dataTransfer?.files[0];
        if (file) void take(file);
      }}
    >
      <div class="line">
        <label>The other image is
          <select value={there ?? ""} onChange={(event) => to(event.currentTarget.value)}>
            <option value="">from the same place</option>
            {others.map((place) => <option key={place} value={place}>from {shown(nameOf(place))}</option>)}
            {!others.includes("sample") && route.from !== "sample" && <option value="sample">the sample image</option>}
          </select>
        </label>
        <label class="button">Choose or drop a file<input id="other" type="file" onChange={(event) => event.currentTarget.files?.[0] && void take(event.currentTarget.files[0])} /></label>
        <form class="line" onSubmit={open}>
          <input name="other" aria-label="Name at a registry, or URL of a layout" placeholder="Name at a registry, or URL" autocomplete="off" autocapitalize="none" spellcheck={false} />
          <button type="submit">Compare</button>
        </form>
      </div>
      {busy && <p class="waiting" role="status">{busy}</p>}
      {error !== undefined && <Failure error={error} />}
    </div>
  );
}
