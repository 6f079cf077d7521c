#!/bin/sh
# Runs every fuzz target, or those that are named, for FUZZ_SECONDS each, and installs what that needs.
set -eu
cd "$(dirname "$0")"

seconds="${FUZZ_SECONDS:-60}"
targets="${*:-reference documents unpacker tar gzip zstd archive}"

command -v c++ >/dev/null || {
    echo "fuzz: libFuzzer needs a C++ compiler: apt-get install g++" >&2
    exit 1
}
cargo fuzz --version >/dev/null 2>&1 || {
    echo "fuzz: installing cargo-fuzz" >&2
    cargo install --quiet --locked cargo-fuzz
}
# The sanitizers are in the stable toolchain too; only the flag that asks for them is not.
export RUSTC_BOOTSTRAP=1
sanitizer=none
for runtime in "$(rustc --print target-libdir)"/librustc-*_rt.asan.a; do
    [ ! -e "$runtime" ] || sanitizer=address
done

# The sanitizer of another compiler's C code does not agree with that of rustc, and zstd in C is only what is compared with.
export CFLAGS="${CFLAGS:-} -fno-sanitize=address"

cargo run --quiet --locked --features seeds --bin seeds -- corpus
cargo test --quiet --locked --features seeds --test gnu_tar
for target in $targets; do
    echo "fuzz: $target for $seconds seconds" >&2
    dictionary=""
    [ ! -e "dictionaries/$target.dict" ] || dictionary="-dict=dictionaries/$target.dict"
    # Nothing needs a quarter of this memory or time, so that what does is a finding. The dictionary is one word or none.
    # shellcheck disable=SC2086
    cargo fuzz run --fuzz-dir . --sanitizer "$sanitizer" "$target" -- -max_total_time="$seconds" -max_len=16384 \
        -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=256 -verbosity=0 -print_final_stats=1 $dictionary
done
