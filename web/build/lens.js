// Builds `lens/` into `lens/generated/`: a module of WebAssembly, the JavaScript that calls it, and its declarations.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const TARGET = "wasm32-unknown-unknown";
/** What Debian has where rustup cannot add the target, as for the components (`host/build/modules.rs`). */
const DEBIAN = { cargo: "/usr/bin/cargo", source: "/usr/lib/rustlib/src/rust/library/std/Cargo.toml" };
// Whatever Rust emits for the target.
const FEATURES = ["bulk-memory", "sign-ext", "mutable-globals", "nontrapping-float-to-int", "multivalue", "reference-types"];
const OPTIMIZE = ["-Oz", "--strip-debug", "--strip-producers", ...FEATURES.map((feature) => `--enable-${feature}`)];

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = here("../lens");
const generated = join(folder, "generated");
const built = join(process.env.CARGO_TARGET_DIR ?? here("../../target"), "lens");
const said = (program, ...args) => execFileSync(program, args, { encoding: "utf8" }).trim();
const run = (program, args, env = {}) => execFileSync(program, args, { cwd: folder, stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, ...env } });

const cargo = ["build", "--quiet", "--locked", "--target-dir", built];
// Where whoever builds keeps his crates is nobody's business, and would be in the module.
const crates = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "registry/src");
const env = { CARGO_ENCODED_RUSTFLAGS: `--remap-path-prefix=${crates}=`, RUSTFLAGS: undefined };
if (existsSync(said("rustc", "--print", "target-libdir", "--target", TARGET)) || !existsSync(DEBIAN.source)) {
  run("cargo", [...cargo, "--release", "--target", TARGET], env);
} else {
  const linker = join(said("rustc", "--print", "sysroot"), "lib/rustlib", said("rustc", "--print", "host-tuple"), "bin/rust-lld");
  run(DEBIAN.cargo, [...cargo, "--release", "--target", TARGET, "-Zbuild-std=std,panic_abort"], {
    ...env,
    RUSTC_BOOTSTRAP: "1",
    PATH: `/usr/bin:${process.env.PATH}`,
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: linker,
  });
}
run("cargo", [...cargo, "--package", "bind"]);
mkdirSync(generated, { recursive: true });
run(join(built, "debug/bind"), [join(built, TARGET, "release/portolan_lens.wasm"), generated]);
const module = join(generated, "lens_bg.wasm");
run(process.execPath, [here("../../npm/node_modules/binaryen/bin/wasm-opt"), ...OPTIMIZE, module, "-o", module]);
