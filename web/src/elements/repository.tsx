/** A repository of the registry that serves the page, with its tags once somebody wants to see them. */
import { useState } from "preact/hooks";
import { format } from "../route.ts";
import { tags } from "../session.ts";
import { shown } from "../text.ts";
import { Loading, useAwaited } from "./loading.tsx";

export function Repository({ name }: { name: string }) {
  const [isOpen, turn] = useState(false);
  return (
    <details onToggle={(event) => turn(event.currentTarget.open)}>
      <summary>{shown(name)}</summary>
      {isOpen && <Tags name={`${location.host}/${name}`} />}
    </details>
  );
}

function Tags({ name }: { name: string }) {
  const found = useAwaited((signal) => tags(name, signal), [name]);
  return (
    <Loading of={found} what="Asking for tags">
      {(found) => found.length === 0 ? <p class="note">It has no tags. Type its name with a digest.</p> : (
        <ul class="plain tags">
          {found.map((tag) => <li key={tag}><a href={format({ view: "overview", from: `registry:${name}:${tag}` })}>{shown(tag)}</a></li>)}
        </ul>
      )}
    </Loading>
  );
}
