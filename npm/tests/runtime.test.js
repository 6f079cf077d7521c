// @ts-check
/** Runtime configs against the vectors of conversion.md (`components/image/tests/runtime.rs` holds them against the schema). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toolkit } from "../dist/index.js";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "./components.js";
import { bytesOf, jsonOf, portolan } from "./fixtures.js";

/** @param {any} image */
const bytes = (image) => Buffer.from(JSON.stringify(image));
/** @param {string | undefined} text */
const file = (text) => (text === undefined ? undefined : Buffer.from(text));

test("conversion follows the vectors", async () => {
  const { runtime } = await toolkit();
  let checked = 0;
  for (const { name, image, passwd, group, expect } of jsonOf("vectors/conversion.json").cases) {
    const inputs = { passwd: file(passwd), group: file(group) };
    if (typeof expect === "string") {
      assert.throws(() => runtime.convert(bytes(image), inputs), /** @param {any} error */ (error) => error.code === "user-not-found" || error.code === "invalid-document", name);
      checked += 1;
      continue;
    }
    const config = JSON.parse(Buffer.from(runtime.convert(bytes(image), inputs).json).toString());
    for (const [key, expected] of Object.entries(expect)) {
      checked += 1;
      if (key === "annotations contains") {
        for (const [annotation, value] of Object.entries(expected)) assert.equal(config.annotations[annotation], value, name);
      } else if (key === "annotations lacks") {
        for (const annotation of expected) assert.ok(!(annotation in config.annotations), name);
      } else if (key === "process.cwd") assert.equal(config.process.cwd, "/");
      else if (key === "process.args" && typeof expected === "string") assert.deepEqual(config.process.args, ["sh"]);
      else {
        const found = key.split(".").reduce((/** @type {any} */ value, member) => value?.[member], config);
        assert.deepEqual(found, expected, `${name}: ${key}`);
      }
    }
  }
  assert.equal(checked, 12);
});

test("every valid config of the image-spec converts, with and without privileges (V-01)", async () => {
  const { runtime } = await toolkit();
  const passwd = Buffer.from("alice:x:1:1::/home/alice:/bin/sh\n");
  const group = Buffer.from("app:x:1000:\nalice:x:1:\n");
  const map = [{ container: 0, host: 1000, size: 1 }];
  const names = readdirSync(join(REPOSITORY, "tests/fixtures/valid")).filter((name) => name.startsWith("config-"));
  assert.ok(names.length >= 3);
  for (const name of names) {
    const config = bytesOf(`valid/${name}`);
    for (const rootless of [undefined, { uids: map, gids: map }]) {
      const convert = () => runtime.convert(config, { passwd, group, rootless });
      if (JSON.parse(config.toString()).config?.User === "user") assert.throws(convert, portolan("user-not-found", "user"), name);
      else {
        const { linux } = JSON.parse(Buffer.from(convert().json).toString());
        const mappings = rootless && [{ containerID: 0, hostID: 1000, size: 1 }];
        assert.deepEqual([linux.uidMappings, linux.gidMappings], [mappings, mappings], name);
      }
    }
  }
});

test("labels give no orders to a runtime (CVE-2026-53488)", async () => {
  const { runtime } = await toolkit();
  const labels = { "run.oci.hooks.stdout": "/etc/x", "org.systemd.property.ExecStart": "x", "my.run.oci.x": "1" };
  const image = bytes({ os: "linux", architecture: "amd64", config: { Labels: labels }, rootfs: { type: "layers", diff_ids: [] } });
  const { json, withheld } = runtime.convert(image);
  assert.deepEqual(withheld, ["run.oci.hooks.stdout", "org.systemd.property.ExecStart"]);
  assert.ok(!Buffer.from(json).includes("/etc/x") && Buffer.from(json).includes("my.run.oci.x"));
  const kept = runtime.convert(image, { steeringLabels: true });
  assert.deepEqual(kept.withheld, []);
  assert.ok(Buffer.from(kept.json).includes("/etc/x"));
});

test("the command of the caller replaces cmd alone, and a terminal is asked for (C-10)", async () => {
  const { runtime } = await toolkit();
  const image = bytes({ os: "linux", architecture: "amd64", config: { Entrypoint: ["/e"], Cmd: ["c"] }, rootfs: { type: "layers", diff_ids: [] } });
  const { process } = JSON.parse(Buffer.from(runtime.convert(image, { cmd: ["x"], terminal: true }).json).toString());
  assert.deepEqual([process.args, process.terminal], [["/e", "x"], true]);
});
