/** A text, coloured where its language is known. Colours are all that they add: without them nothing is missing. */
import { languageOf, parts } from "../highlight.ts";
import { shownLines } from "../text.ts";

/** How much of a text is coloured: every part is an element. */
const COLOURED = 1 << 16;
/** A text of more parts is shown plain: drawing them would hold the page. */
const MOST = 10_000;

export default function Code({ path, text }: { path: string; text: string }) {
  const all = shownLines(text);
  const language = languageOf(path, text);
  const coloured = language === undefined ? [] : parts(all.slice(0, COLOURED), language);
  const isColoured = coloured.length > 0 && coloured.length <= MOST;
  return (
    <pre class="content" tabIndex={0} aria-label="text" data-language={language}>
      {isColoured ? coloured.map(([part, text], at) => (part ? <span key={at} class={part}>{text}</span> : text)) : all}
      {isColoured && all.slice(COLOURED)}
    </pre>
  );
}
