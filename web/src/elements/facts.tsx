import type { ComponentChildren } from "preact";

/** Names and values; what has no value is left out. */
export function Facts({ of }: { of: [name: string, value: ComponentChildren, isWide?: boolean][] }) {
  const there = of.filter(([, value]) => value !== undefined && value !== "" && value !== null && value !== false);
  return (
    <dl class="facts">
      {there.map(([name, value, isWide]) => (
        <div key={name} class={isWide ? "wide" : ""}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
