/** What is open in this tab: the places that were named, and the images of them. */
import {
  type Image,
  type ImageSource,
  type Listed,
  type OpenOptions,
  PortolanError,
  Registries,
  createWorkerPool,
  listImages,
  openImage,
} from "portolan";
import { proxied } from "./server.ts";
import { staticLayout } from "./sources/layout.ts";

/** A place with what is in it. */
export interface Opened {
  listed: Listed[];
  image(digest: string | undefined): Promise<Image>;
}

/** What a person chose has no URL: it is known under its name until the tab is closed. */
const chosen = new Map<string, ImageSource>();
const opened = new Map<string, Promise<Opened>>();
let pool: ReturnType<typeof createWorkerPool> | undefined;
let speaking: Registries | undefined;

/** All registries, with what was learnt of them. */
const registries = () => (speaking ??= new Registries({ fetch: proxied }));

/** The tags of a repository. */
export const tags = (name: string, signal: AbortSignal): Promise<string[]> => registries().tags(name, { signal });

/** Remembers what was chosen and answers what it is called in URLs. */
export function choose(name: string, source: ImageSource): string {
  const from = `file:${name}`;
  chosen.set(from, source);
  opened.delete(from);
  return from;
}

/** The place of a name at a registry or the URL of a layout. */
export const named = (name: string) => (/^https?:\/\//.test(name) ? `layout:${name}` : `registry:${name}`);

/** What a person calls a place. */
export const nameOf = (from: string) => (from === "sample" ? "the sample image" : from.replace(/^[^:]*:/, ""));

/** The places that are open in this tab. */
export const places = () => [...opened.keys()];

/** Opens a place: `sample`, `file:NAME`, `layout:URL` or `registry:NAME`. It is opened once. */
export function open(from: string): Promise<Opened> {
  let opening = opened.get(from);
  if (!opening) {
    opening = begin(from);
    opened.set(from, opening);
    // What failed may be tried again.
    opening.catch(() => opened.get(from) === opening && opened.delete(from));
  }
  return opening;
}

async function sourceOf(from: string): Promise<ImageSource> {
  const [kind, name = ""] = from.split(/:(.*)/s);
  if (kind === "sample") {
    const response = await fetch(new URL("sample.tar", document.baseURI));
    if (!response.ok) throw new PortolanError("invalid-source", "the sample image is not where the page is: its files were not all deployed");
    return response.blob();
  }
  if (kind === "layout") return staticLayout(name);
  if (kind === "registry") return `docker://${name}`;
  const source = chosen.get(from);
  if (source) return source;
  throw new PortolanError("invalid-source", `${name} has to be chosen again: a page cannot open files by itself`);
}

async function begin(from: string): Promise<Opened> {
  const source = await sourceOf(from);
  pool ??= createWorkerPool();
  const options: OpenOptions = { pool, registries: registries() };
  const listed = await listImages(source, { registries: registries(), everything: true });
  const images = new Map<string, Promise<Image>>();
  const best = preferred(listed);
  return {
    listed,
    image(digest = best?.descriptor.digest) {
      const wanted = digest ?? "";
      let image = images.get(wanted);
      if (!image) {
        image = openImage(source, digest === undefined ? options : { ...options, digest });
        images.set(wanted, image);
        image.catch(() => images.delete(wanted));
      }
      return image;
    },
  };
}

/** Opens what was found inside an image, to be read by the same workers and closed by whoever asked. */
export function nested(source: ImageSource): Promise<Image> {
  return openImage(source, { pool: (pool ??= createWorkerPool()) });
}

/** Whether what is listed is an image, and nothing that stands beside one. */
export const isImage = ({ attestation, descriptor }: Listed) => !attestation && descriptor.artifactType === undefined;

/** The image that is shown first: what most people would run. */
function preferred(listed: Listed[]): Listed | undefined {
  const images = listed.filter(isImage);
  const common = images.find(({ platform }) => platform?.os === "linux" && platform.architecture === "amd64");
  return common ?? images[0] ?? listed[0];
}
