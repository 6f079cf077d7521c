// @ts-check
/** What an image is, asked through the same calls in Node and in a page. */

/**
 * @param {typeof import("../../dist/index.js")} portolan
 * @param {import("../../dist/index.js").ImageSource} source
 * @param {{ workers?: number }} options
 */
export async function answers(portolan, source, { workers = 0 } = {}) {
  const { createWorkerPool, openImage, toolkit } = portolan;
  const pool = workers > 0 ? createWorkerPool({ size: workers }) : undefined;
  const image = await openImage(source, pool ? { pool } : {});
  const tree = await image.tree();
  const nodes = [];
  for await (const { path, kind, size, mode, target, sameAs, layer } of tree.walk()) nodes.push([path, kind, size, mode, target, sameAs, layer].map(String));
  const changes = [];
  for await (const { layer, type, ...change } of image.changes()) changes.push([layer, type, "path" in change ? change.path : ""]);
  const differences = [];
  for await (const { path, action } of tree.diff(1)) differences.push([path, action]);
  const findings = [];
  const verification = image.verify();
  let verified;
  for (;;) {
    const { done, value } = await verification.next();
    if (done) {
      verified = value;
      break;
    }
    findings.push(value);
  }
  const content = await new Response(await image.readFile("etc/link")).text();
  const missing = await image.readFile("etc/motd").catch((error) => [error.name, error.code, error.message]);
  const { digest } = await toolkit();
  const bytes = new TextEncoder().encode("abc");
  const digests = ["sha256", "sha384", "sha512", "blake3"].map((algorithm) => digest.compute(bytes, algorithm));
  const answer = { kind: image.kind, descriptor: image.descriptor, nodes, changes, differences, findings, verified, content, missing, digests, waste: await image.waste() };
  await image.close();
  await pool?.close();
  return answer;
}
