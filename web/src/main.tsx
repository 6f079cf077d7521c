import { render } from "preact";
import { App } from "./app.tsx";
import { admit } from "./server.ts";

admit();
const page = document.querySelector("#page");
if (page) render(<App />, page);
