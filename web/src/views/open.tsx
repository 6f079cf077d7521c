/** Where images are opened: a file, a folder, the sample, a name at a registry, the URL of a layout. */
import type { TargetedEvent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failure } from "../elements/loading.tsx";
import { Repository } from "../elements/repository.tsx";
import { go } from "../route.ts";
import { type Offer, offer } from "../server.ts";
import { choose, named as placeNamed } from "../session.ts";
import { fileSource } from "../sources/file.ts";
import { folderLayout } from "../sources/folder.ts";
import { shown } from "../text.ts";

/** Not every browser lets pages read folders as they need it. */
const picking = window as { showDirectoryPicker?: () => Promise<FileSystemDirectoryHandle> };

export function Open() {
  const [error, fail] = useState<unknown>();
  const [busy, work] = useState("");
  const [isOver, hover] = useState(false);
  const [served, serve] = useState<Offer>();
  useEffect(() => void offer().then((offered) => offered && serve(offered)), []);

  const take = async (file: File) => {
    work(`Reading ${shown(file.name)}`);
    fail(undefined);
    try {
      go({ view: "overview", from: choose(file.name, await fileSource(file)) });
    } catch (error) {
      fail(error);
    }
    work("");
  };
  const folder = (files: FileList) => {
    const [first] = files;
    if (first) go({ view: "overview", from: choose(first.webkitRelativePath.split("/")[0] ?? "folder", folderLayout(files)) });
  };
  // A handle reads what is asked for alone; where there are none, an input lists all files of a folder first.
  const handle = async (pick: () => Promise<FileSystemDirectoryHandle>) => {
    fail(undefined);
    try {
      const directory = await pick();
      go({ view: "overview", from: choose(directory.name || "folder", directory) });
    } catch (error) {
      // Whoever closes the dialog wants nothing.
      if (!(error instanceof DOMException && error.name === "AbortError")) fail(error);
    }
  };
  const named = (event: TargetedEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get("name")).trim();
    if (name) go({ view: "overview", from: placeNamed(name) });
  };
  return (
    <div
      class={`open ${isOver ? "over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        hover(true);
      }}
      onDragLeave={() => hover(false)}
      onDrop={(event) => {
        event.preventDefault();
        hover(false);
        const [item] = event.dataTransfer?.items ?? [];
        const file = event.dataTransfer?.files[0];
        if (item?.webkitGetAsEntry?.()?.isDirectory && "getAsFileSystemHandle" in item) void handle((item.getAsFileSystemHandle as () => Promise<FileSystemDirectoryHandle>).bind(item));
        else if (file) void take(file);
      }}
    >
      <h1>See what is in an image</h1>
      <p>Everything is read in this page, and nothing is uploaded.</p>
      <div class="drop">
        <p>Drop a file or a layout’s folder here: an archive of <code>docker save</code> or of an OCI tool, also gzipped; a layer; a manifest or config.</p>
        <div class="choices">
          <label class="button">Choose a file<input id="file" type="file" onChange={(event) => event.currentTarget.files?.[0] && void take(event.currentTarget.files[0])} /></label>
          {picking.showDirectoryPicker ? <button type="button" onClick={() => void handle(async () => picking.showDirectoryPicker?.() as Promise<FileSystemDirectoryHandle>)}>Choose a layout’s folder</button> : <label class="button">Choose a layout’s folder<input id="folder" type="file" ref={(input) => input?.setAttribute("webkitdirectory", "")} onChange={(event) => event.currentTarget.files && folder(event.currentTarget.files)} /></label>}
          <a class="button" href="#/overview?from=sample">Open the sample</a>
        </div>
        {busy && <p class="waiting" role="status">{busy}…</p>}
      </div>
      {error !== undefined && <Failure error={error} />}
      <form class="name" onSubmit={named}>
        <label for="name">Or a name at a registry, or the URL of a layout</label>
        <div>
          <input id="name" name="name" data-search autocomplete="off" autocapitalize="none" spellcheck={false} placeholder="registry.example/team/app:1.0" />
          <button type="submit">Open</button>
        </div>
        <p class="note">{about(served)}</p>
      </form>
      {served && served.repositories.length > 0 && (
        <section>
          <h2>At this registry</h2>
          {served.repositories.map((name) => <Repository key={name} name={name} />)}
        </section>
      )}
    </div>
  );
}

function about(served: Offer | undefined): string {
  if (!served) return "A registry has to let pages of other origins read it (CORS). Docker Hub, ghcr.io and quay.io do not: start portolan serve --explorer for them.";
  const others = served.proxies.map(({ registry }) => registry).join(", ");
  return others ? `This server asks ${others} for this page.` : "This server asks no other registry for this page: start it with --explorer-registry for that.";
}
