/** What differs between two texts of two images, line by line: their configs, or a file of each. */
import type { Image } from "portolan";
import { type Found, find, isText, read } from "../content.ts";
import { type Difference, diff } from "../lens.ts";
import { type Route, format } from "../route.ts";
import { count, counted, shown, size } from "../text.ts";
import { Loading, useAwaited } from "./loading.tsx";

/** So much of each side is compared. */
const MOST_BYTES = 1 << 20;
const SIGNS = { both: ["", ""], before: ["−", "here alone"], after: ["+", "there alone"] } as const;

interface Props {
  left: Image;
  right: Image;
  route: Route;
}

interface Compared {
  here: Uint8Array;
  there: Uint8Array;
  /** Whether one of them is longer than what was compared. */
  isCut: boolean;
  /** Nothing where one of them is no text. */
  difference?: Difference;
}

export default function Lines({ left, right, route }: Props) {
  const { as: _, path, ...back } = route;
  const compared = useAwaited((signal) => compare(left, right, path, signal), [left, right, path]);
  return (
    <section>
      <h2>{path === undefined ? "Config, line by line" : <>/{shown(path)}</>}</h2>
      <p class="line"><a href={format(back)}>All differences</a>{path !== undefined && <a href={format({ view: "file", from: route.from ?? "", image: left.descriptor.digest, path })}>The file here</a>}</p>
      <Loading of={compared} what="Comparing">{(compared) => <Shown {...compared} />}</Loading>
    </section>
  );
}

async function compare(left: Image, right: Image, path: string | undefined, signal: AbortSignal): Promise<Compared> {
  const side = async (image: Image): Promise<{ bytes: Uint8Array; isCut: boolean }> => {
    if (path === undefined) {
      const document = image.rawConfig ?? (await image.blob(image.manifest.config, { signal }));
      return { bytes: new TextEncoder().encode(pretty(new TextDecoder().decode(document))), isCut: false };
    }
    const file: Found = await find(image, path, undefined, signal);
    return { bytes: await read(image, file, MOST_BYTES, signal), isCut: (file.size ?? 0) > MOST_BYTES };
  };
  const { bytes: here, isCut: isHereCut } = await side(left);
  const { bytes: there, isCut: isThereCut } = await side(right);
  const compared = { here, there, isCut: isHereCut || isThereCut };
  if (!isText(here) || !isText(there)) return compared;
  return { ...compared, difference: await diff(new TextDecoder().decode(here), new TextDecoder().decode(there)) };
}

/** A document with a line for each value; as it stands there where it is none. */
function pretty(text: string): string {
  try {
    return `${JSON.stringify(JSON.parse(text), undefined, 2)}\n`;
  } catch {
    return text;
  }
}

function Shown({ difference, here, isCut, there }: Compared) {
  const cut = isCut && <p class="note">The first {size(MOST_BYTES)} are compared.</p>;
  const first = here.findIndex((byte, at) => byte !== there[at]);
  const differing = first < 0 ? here.length : first;
  if (first < 0 && here.length === there.length) return <><p>They are the same.</p>{cut}</>;
  if (!difference) return <><p>They are no texts. The first byte that differs is that at {count(differing)}, {size(differing)} from the beginning.</p>{cut}</>;
  if (difference.hunks.length === 0) return <p>The lines are the same; only one of them ends with the end of a line.</p>;
  return (
    <>
      <p>{counted(difference.removed, "line")} here alone, {counted(difference.added, "line")} there alone.{difference.isCut && " The first of them are shown."}</p>
      {cut}
      <div class="scroll" tabIndex={0} role="region" aria-label="Lines that differ">
        <table class="diff">
          <thead><tr><th scope="col" class="number">Here</th><th scope="col" class="number">There</th><th scope="col"><span class="hidden">Where</span></th><th scope="col">Line</th></tr></thead>
          {difference.hunks.map((hunk) => <Hunk key={`${hunk.before}-${hunk.after}`} {...hunk} />)}
        </table>
      </div>
    </>
  );
}

function Hunk({ after, before, lines }: Difference["hunks"][number]) {
  let [here, there] = [before, after];
  return (
    <tbody>
      {lines.map(({ parts, side }, at) => {
        const [sign, word] = SIGNS[side];
        return (
          <tr key={at} class={side}>
            <td class="number">{side !== "after" && here++}</td>
            <td class="number">{side !== "before" && there++}</td>
            <td>{sign && <><span aria-hidden="true">{sign}</span><span class="hidden">{word}</span></>}</td>
            <td class="code">{parts.map(({ isChanged, text }, at) => (isChanged ? <mark key={at}>{inLine(text)}</mark> : inLine(text)))}</td>
          </tr>
        );
      })}
    </tbody>
  );
}

/** A part of a line, in which tabs stay. */
const inLine = (text: string) => text.split("\t").map(shown).join("\t");
