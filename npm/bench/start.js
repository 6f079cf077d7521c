// Prints the milliseconds from `import` to a parsed manifest.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const start = performance.now();
const { toolkit } = await import("../dist/index.js");
const { manifest } = await toolkit();
manifest.parse(readFileSync(join(process.argv[2], "index.json")));
console.log(performance.now() - start);
