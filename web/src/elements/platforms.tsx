/** Which of the images of a place is shown. */
import type { Image } from "portolan";
import { type Route, go } from "../route.ts";
import type { Opened } from "../session.ts";
import { platformName, shortDigest } from "../text.ts";

export function Platforms({ opened, image, route }: { opened: Opened; image: Image; route: Route }) {
  const images = opened.listed.filter(({ attestation }) => !attestation);
  if (images.length < 2) return null;
  const chosen = image.descriptor.digest;
  const isListed = images.some(({ descriptor }) => descriptor.digest === chosen);
  return (
    <label class="platform">
      <span>Platform</span>
      <select value={chosen} onChange={(event) => go({ ...route, image: event.currentTarget.value })}>
        {!isListed && <option value={chosen}>{shortDigest(chosen)}</option>}
        {images.map(({ descriptor, platform }) => (
          <option key={descriptor.digest} value={descriptor.digest}>{platformName(platform)}</option>
        ))}
      </select>
    </label>
  );
}
