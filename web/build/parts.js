/**
 * Keeps what is shipped small: the page has a toolkit of its own, page and workers share their scripts, and nothing is shipped that
 * is never asked for.
 */
import { fileURLToPath } from "node:url";

/** The package begins its workers so; Vite would bundle everything that they need a second time. */
const WORKER = 'new URL("../worker.js", import.meta.url)';
/** The generated scripts look so for their modules when nobody hands these over, which the package does. */
const BESIDE = /new URL\(`\.\/\$\{(\w+)\}`,\s*import\.meta\.url\)/g;

/** The page's own toolkit stands in `generated/` here, and the package's beside its scripts. */
const TOOLKIT = "../../generated/toolkit.core";
const OWN = "../../../web/generated/toolkit.core";

export function parts() {
  return {
    name: "parts",
    apply: "build",
    enforce: "pre",
    async resolveId(source, importer) {
      const own = source.endsWith("/generated/toolkit.js") && importer?.includes("/npm/dist/");
      return own ? fileURLToPath(new URL("../generated/toolkit.js", import.meta.url)) : null;
    },
    async transform(code, id) {
      if (id.endsWith("/npm/dist/system/web.js")) {
        if (!code.includes(WORKER)) this.error("the package begins its workers in another way now");
        const worker = await this.resolve("portolan/worker", id);
        const reference = this.emitFile({ type: "chunk", id: worker.id, name: "worker" });
        if (!code.includes(TOOLKIT)) this.error("the package finds its modules in another way now");
        return code.replaceAll(TOOLKIT, OWN).replace(WORKER, `import.meta.ROLLUP_FILE_URL_${reference}`);
      }
      if (/\/(npm|web)\/generated\//.test(id)) return code.replace(BESIDE, "$1");
      return undefined;
    },
  };
}
