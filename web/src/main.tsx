import { render } from "preact";
import { App } from "./app.tsx";
import { admit } from "./server.ts";

admit();
const page = document.querySelector("#page");
if (page) render(<App />, page);

// Where there is none, or it is not allowed, the page works as well, but not without a network.
if (import.meta.env.PROD) navigator.serviceWorker?.register(new URL("worker.js", document.baseURI)).catch(() => undefined);
