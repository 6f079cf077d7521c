/** Which of the images of a place is shown. */
import type { Image } from "portolan";
import { type Route, go } from "../route.ts";
import { type Opened, isImage } from "../session.ts";
import { listedName, shortDigest } from "../text.ts";

export function Platforms({ opened, image, route }: { opened: Opened; image: Image; route: Route }) {
  const images = opened.listed.filter(isImage);
  const isNamed = new Set(images.map(({ name }) => name)).size > 1;
  if (images.length < 2) return null;
  const chosen = image.descriptor.digest;
  const isListed = images.some(({ descriptor }) => descriptor.digest === chosen);
  return (
    <label class="platform">
      <span>{isNamed ? "Image" : "Platform"}</span>
      <select value={chosen} onChange={(event) => go({ ...route, image: event.currentTarget.value })}>
        {!isListed && <option value={chosen}>{shortDigest(chosen)}</option>}
        {images.map((listed) => <option key={listed.descriptor.digest} value={listed.descriptor.digest}>{listedName(listed, isNamed)}</option>)}
      </select>
    </label>
  );
}
