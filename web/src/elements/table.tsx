import type { ComponentChildren } from "preact";

/** A table that scrolls by itself where the page is too narrow for it. */
export function Table({ caption, heads, children }: { caption: string; heads: string[]; children: ComponentChildren }) {
  return (
    // A keyboard has to reach what scrolls.
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <thead>
          <tr>{heads.map((head) => <th key={head} scope="col" class={/^(size|bytes|entries|times|part)/i.test(head) ? "number" : ""}>{head}</th>)}</tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
