/** The content of a file, in the ways that it can be looked at. */
import type { Image } from "portolan";
import type { ComponentType } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { type Found, archiveType, contentOf, isElf, isText, isWasm, pictureType, read } from "../content.ts";
import { type Route, go } from "../route.ts";
import { shown } from "../text.ts";
import { Hex } from "./hex.tsx";
import { Lazy } from "./lazy.tsx";
import { Loading, useAwaited } from "./loading.tsx";

/** How much of a file is shown; all of it can be saved. */
const SHOWN_BYTES = 1 << 20;
const PICTURE_BYTES = 16 << 20;
const HEX_BYTES = 1 << 16;
const WASM_BYTES = 64 << 20;

/** A file with its beginning. */
export interface Seen {
  image: Image;
  file: Found;
  head: Uint8Array<ArrayBuffer>;
}

/** A way to look at a file. */
interface Look {
  name: string;
  fits(seen: Seen): boolean;
  Draw: ComponentType<Seen>;
}

/** All of them; the first that fits is the one that a person sees first. */
const LOOKS: Look[] = [
  { name: "Picture", fits: ({ file, head }) => pictureType(head) !== undefined && (file.size ?? 0) <= PICTURE_BYTES, Draw: Picture },
  { name: "Contents", fits: ({ head }) => archiveType(head) !== undefined, Draw: (seen) => <Lazy of={() => import("./inside.tsx")} props={seen} /> },
  { name: "Headers", fits: ({ head }) => isElf(head), Draw: (seen) => <Lazy of={() => import("./elf.tsx")} props={seen} /> },
  { name: "WebAssembly", fits: ({ file, head }) => isWasm(head) && (file.size ?? 0) <= WASM_BYTES, Draw: Program },
  { name: "Text", fits: ({ head }) => isText(head), Draw: Text },
  { name: "Bytes", fits: () => true, Draw: Bytes },
];

export function Content({ image, file, route }: { image: Image; file: Found; route: Route }) {
  const content = useAwaited((signal) => read(image, file, SHOWN_BYTES, signal), [image, file]);
  return (
    <Loading of={content} what="Reading the file">
      {(head) => {
        const seen = { image, file, head };
        const looks = LOOKS.filter(({ fits }) => fits(seen));
        const look = looks.find(({ name }) => name === route.as) ?? looks[0];
        return look && (
          <section>
            <h2 class="line">
              {look.name}
              {looks.filter((other) => other !== look).map(({ name }) => <button key={name} type="button" onClick={() => go({ ...route, as: name }, { replace: true })}>As {name === "WebAssembly" ? name : name.toLowerCase()}</button>)}
            </h2>
            <look.Draw {...seen} />
          </section>
        );
      }}
    </Loading>
  );
}

function Text({ file, head }: Seen) {
  return (
    <>
      <Lazy of={() => import("./code.tsx")} props={{ path: file.path, text: new TextDecoder().decode(head) }} />
      {head.length < (file.size ?? 0) && <Cut />}
    </>
  );
}

function Program({ image, file }: Seen) {
  const of = useCallback(async (signal: AbortSignal) => new Uint8Array(await (await contentOf(image, file, { verify: false, signal })).arrayBuffer()), [image, file]);
  return <Lazy of={() => import("./wasm.tsx")} props={{ of }} />;
}

function Bytes({ file, head }: Seen) {
  return (
    <>
      <Hex bytes={head.subarray(0, HEX_BYTES)} />
      {(file.size ?? 0) > HEX_BYTES && <Cut />}
    </>
  );
}

const Cut = () => <p class="note">This is its beginning. Save the file for all of it.</p>;

function Picture({ image, file, head }: Seen) {
  const [url, draw] = useState<string>();
  useEffect(() => {
    const stop = new AbortController();
    let made: string | undefined;
    read(image, file, PICTURE_BYTES, stop.signal).then((bytes) => {
      if (stop.signal.aborted) return;
      made = URL.createObjectURL(new Blob([bytes], { type: pictureType(head) ?? "" }));
      draw(made);
    }, () => undefined);
    return () => {
      stop.abort();
      if (made) URL.revokeObjectURL(made);
    };
  }, [image, file]);
  return url ? <p><img class="picture" src={url} alt={shown(file.path)} /></p> : null;
}
