import type { ComponentChildren } from "preact";

/** Names and values; what has no value is left out. */
export function Facts({ of }: { of: [name: string, value: ComponentChildren][] }) {
  const there = of.filter(([, value]) => value !== undefined && value !== "" && value !== null);
  return (
    <dl class="facts">
      {there.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
