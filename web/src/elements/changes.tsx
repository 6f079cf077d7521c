import type { LayerSize } from "portolan";
import { count } from "../text.ts";

/** How many paths a layer added, modified and removed: in colours, and in words for who sees none. */
export function Changes({ of: { added, modified, removed } }: { of: Pick<LayerSize, "added" | "modified" | "removed"> }) {
  const parts: [string, string, number][] = [["added", "+", added], ["modified", "~", modified], ["removed", "−", removed]];
  return (
    <span class="changes">
      {parts.map(([what, sign, number]) => (
        <span key={what} class={number > 0 ? what : "note"} title={`${count(number)} ${what}`}><span aria-hidden="true">{sign}</span>{count(number)}<span class="hidden"> {what} </span></span>
      ))}
    </span>
  );
}
