/** Keeps what is shipped small: page and workers share their scripts, and nothing is shipped that is never asked for. */

/** The package begins its workers so; Vite would bundle everything that they need a second time. */
const WORKER = 'new URL("../worker.js", import.meta.url)';
/** The generated scripts look so for their modules when nobody hands these over, which the package does. */
const BESIDE = /new URL\(`\.\/\$\{(\w+)\}`,\s*import\.meta\.url\)/g;

export function parts() {
  return {
    name: "parts",
    apply: "build",
    enforce: "pre",
    async transform(code, id) {
      if (id.endsWith("/npm/dist/system/web.js")) {
        if (!code.includes(WORKER)) this.error("the package begins its workers in another way now");
        const worker = await this.resolve("portolan/worker", id);
        const reference = this.emitFile({ type: "chunk", id: worker.id, name: "worker" });
        return code.replace(WORKER, `import.meta.ROLLUP_FILE_URL_${reference}`);
      }
      if (id.includes("/npm/generated/")) return code.replace(BESIDE, "$1");
      return undefined;
    },
  };
}
