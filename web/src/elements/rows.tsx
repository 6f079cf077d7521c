/** A long list of which only the rows in sight exist, moved through with the keys of a tree. */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** The height of a row in CSS pixels, as in the style sheet. */
const HEIGHT = 24;
const BEYOND = 12;

export interface Row {
  depth: number;
  /** Whether it is open; nothing for what cannot be. */
  isOpen?: boolean;
}

interface Props<T extends Row> {
  label: string;
  rows: T[];
  draw: (row: T) => ComponentChildren;
  /** Opens or closes a row. */
  turn: (row: T, isOpen: boolean) => void;
  /** Does what a row is for. */
  enter: (row: T) => void;
}

export function Rows<T extends Row>({ label, rows, draw, turn, enter }: Props<T>) {
  const list = useRef<HTMLDivElement>(null);
  const [top, scroll] = useState(0);
  const [height, resize] = useState(600);
  const [current, choose] = useState(0);
  const at = Math.min(current, rows.length - 1);

  useLayoutEffect(() => {
    const element = list.current;
    if (!element) return;
    const observer = new ResizeObserver(() => resize(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const element = list.current;
    if (!element || at < 0) return;
    const [from, to] = [at * HEIGHT, (at + 1) * HEIGHT];
    if (from < element.scrollTop) element.scrollTop = from;
    else if (to > element.scrollTop + element.clientHeight) element.scrollTop = to - element.clientHeight;
  }, [at]);

  const first = Math.max(0, Math.floor(top / HEIGHT) - BEYOND);
  const last = Math.min(rows.length, Math.ceil((top + height) / HEIGHT) + BEYOND);
  const pressed = (event: KeyboardEvent) => {
    const row = rows[at];
    const page = Math.max(1, Math.floor(height / HEIGHT) - 1);
    const steps: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: rows.length - 1 };
    const step = steps[event.key];
    if (!row || event.ctrlKey || event.altKey || event.metaKey) return;
    if (step !== undefined) choose(Math.max(0, Math.min(rows.length - 1, step)));
    else if (event.key === "ArrowRight" && row.isOpen === false) turn(row, true);
    else if (event.key === "ArrowRight" && row.isOpen) choose(Math.min(rows.length - 1, at + 1));
    else if (event.key === "ArrowLeft" && row.isOpen) turn(row, false);
    else if (event.key === "ArrowLeft") choose(Math.max(0, rows.findLastIndex(({ depth }, index) => index < at && depth < row.depth)));
    else if (event.key === "Enter" || event.key === " ") enter(row);
    else return;
    event.preventDefault();
  };
  return (
    <div
      class="rows"
      ref={list}
      role="tree"
      tabIndex={0}
      aria-label={label}
      aria-activedescendant={at >= first && at < last ? `row-${at}` : undefined}
      onScroll={(event) => scroll(event.currentTarget.scrollTop)}
      onKeyDown={pressed}
    >
      <div class="all" role="presentation" style={{ height: `${rows.length * HEIGHT}px` }}>
        {rows.slice(first, last).map((row, offset) => (
          <div
            // Elements are used again for the rows that come into sight: making them takes longer than scrolling leaves.
            key={(first + offset) % (last - first)}
            id={`row-${first + offset}`}
            class="row"
            role="treeitem"
            aria-level={row.depth + 1}
            aria-selected={first + offset === at}
            aria-expanded={row.isOpen}
            style={{ top: `${(first + offset) * HEIGHT}px` }}
            onClick={() => {
              choose(first + offset);
              enter(row);
            }}
          >
            {draw(row)}
          </div>
        ))}
      </div>
    </div>
  );
}
