/** Understands documents that are too large to be parsed where the page is drawn. */
import { understand } from "./statement.ts";

addEventListener("message", ({ data }: MessageEvent<Uint8Array>) => {
  try {
    postMessage({ said: understand(data) });
  } catch (error) {
    postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
});
