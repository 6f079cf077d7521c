import { shown } from "../text.ts";

/** A text in which parts are marked: where each begins and ends. */
export function Marked({ text, marks }: { text: string; marks: number[] }) {
  const ends = [0, ...marks, text.length];
  return <>{ends.slice(1).map((end, at) => (at % 2 === 1 ? <mark key={at}>{shown(text.slice(ends[at], end))}</mark> : shown(text.slice(ends[at], end))))}</>;
}
