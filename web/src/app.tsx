/** The frame of every view: what is open, and where one can go from here. */
import type { Image } from "portolan";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Lazy } from "./elements/lazy.tsx";
import { Loading, useAwaited } from "./elements/loading.tsx";
import { Help } from "./elements/help.tsx";
import { Platforms } from "./elements/platforms.tsx";
import { type Route, format, useRoute } from "./route.ts";
import { type Opened, nameOf, open } from "./session.ts";
import { shown } from "./text.ts";
import { Compare } from "./views/compare.tsx";
import { Config } from "./views/config.tsx";
import { File } from "./views/file.tsx";
import { Files } from "./views/files.tsx";
import { Open } from "./views/open.tsx";
import { Overview } from "./views/overview.tsx";
import { Raw } from "./views/raw.tsx";
import { Verify } from "./views/verify.tsx";
import { Waste } from "./views/waste.tsx";

/** What every view of an image is given. */
export interface ViewProps {
  image: Image;
  opened: Opened;
  route: Route;
}

const VIEWS: Record<string, { title: string; draw: (props: ViewProps) => ComponentChildren }> = {
  overview: { title: "Overview", draw: (props) => <Overview {...props} /> },
  config: { title: "Config", draw: (props) => <Config {...props} /> },
  files: { title: "Files", draw: (props) => <Files {...props} /> },
  waste: { title: "Waste", draw: (props) => <Waste {...props} /> },
  verify: { title: "Verify", draw: (props) => <Verify {...props} /> },
  compare: { title: "Compare", draw: (props) => <Compare {...props} /> },
  attached: { title: "Attestations", draw: (props) => <Lazy of={() => import("./views/attached.tsx")} props={props} /> },
  raw: { title: "Documents", draw: (props) => <Raw {...props} /> },
  file: { title: "", draw: (props) => <File {...props} /> },
};

export function App() {
  const route = useRoute();
  const [helps, help] = useState(false);
  const main = useRef<HTMLElement>(null);
  useKeys(() => help(true));
  const view = VIEWS[route.view];
  const title = view && route.from ? `${view.title || "File"} of ${shown(nameOf(route.from))}` : "Portolan explorer";
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => {
        event.preventDefault();
        main.current?.focus();
      }}>Skip to the content</a>
      <header class="top">
        <a class="brand" href="#/">Portolan</a>
        {route.from && <span class="source" title={shown(route.from)}>{shown(nameOf(route.from))}</span>}
        <span class="space" />
        <button type="button" class="quiet" onClick={() => help(true)} aria-label="Help: keys">?</button>
      </header>
      {view && route.from ? <Place from={route.from} route={route} draw={view.draw} main={main} /> : <main id="main" ref={main} tabIndex={-1}><Open /></main>}
      {helps && <Help close={() => help(false)} />}
    </>
  );
}

interface PlaceProps {
  from: string;
  route: Route;
  draw: (props: ViewProps) => ComponentChildren;
  main: { current: HTMLElement | null };
}

function Place({ from, route, draw, main }: PlaceProps) {
  const opening = useAwaited(async () => {
    const opened = await open(from);
    return { opened, image: await opened.image(route.image) };
  }, [from, route.image]);
  const there = opening.state === "there" ? opening.value : undefined;
  return (
    <>
      <nav class="views" aria-label="Views of the image">
        {Object.entries(VIEWS).filter(([, { title }]) => title).map(([name, { title }]) => (
          <a key={name} href={format({ view: name, from, ...(route.image && { image: route.image }) })} aria-current={isAt(route.view, name) ? "page" : undefined}>{title}</a>
        ))}
        {there && <Platforms opened={there.opened} image={there.image} route={route} />}
      </nav>
      <main id="main" ref={main} tabIndex={-1}>
        {!there && <h1>{shown(nameOf(from))}</h1>}
        <Loading of={opening} what={`Opening ${shown(nameOf(from))}`}>{({ opened, image }) => draw({ opened, image, route })}</Loading>
      </main>
    </>
  );
}

const isAt = (view: string, name: string) => view === name || (view === "file" && name === "files");

/** `?` helps, `/` goes to what is searched with, wherever no text is being typed. */
function useKeys(help: () => void) {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof HTMLElement && event.target.matches("input:not([type=file]), textarea, select");
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "?") help();
      else if (event.key === "/") document.querySelector<HTMLElement>("[data-search]")?.focus();
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}
