#!/bin/sh
# Measures against the tools of Debian and prints a table: `make bench`. The method is in BENCHMARKS.md.
#
# Arguments select parts: images, registries, workloads, npm, web (default: all).
#
# BENCH_RUNS: runs of each long command (default 5). BENCH_DIR: where the image is kept, to measure again without making
# it again (default: a directory in /dev/shm that is removed at the end).
set -eu
cd "$(dirname "$0")/.."
bin=$(realpath "${CARGO_TARGET_DIR:-target}")/release
portolan=$bin/portolan
native=$bin/examples/verify
runs=${BENCH_RUNS:-5}
parts=${*:-images registries workloads npm web}
servers=""

if [ -n "${BENCH_DIR:-}" ]; then
    dir=$BENCH_DIR
    mkdir -p "$dir"
else
    dir=$(mktemp -d /dev/shm/portolan-bench.XXXXXX)
fi
# The servers that were started, by their numbers, and what nobody asked to keep.
finish() {
    for server in $servers; do kill "$server" 2>/dev/null || true; done
    rm -rf "$dir/root" "$dir/distribution" "$dir/pushed"
    [ -n "${BENCH_DIR:-}" ] || rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' INT TERM
has() {
    case " $parts " in *" $1 "*) return 0 ;; esac
    return 1
}
image=$dir/image
out=$dir/out

# An image of four gzip layers with files of this machine, 1.25 GiB or a little more before compression.
make_image() {
    echo "making an image of this machine's own files in $image" >&2
    rm -rf "$image" "$dir/lists" "$dir/layers"
    mkdir -p "$image/blobs/sha256" "$dir/lists"
    # Names with newlines would break the lists; nothing in a system has them.
    for top in usr "$(rustc --print sysroot | cut -c2-)"; do
        find "/$top" -xdev \( -type f -o -type l \) ! -name '*
*' -printf '%s\t%p\n' | sort -k2
    done | awk -F '\t' -v lists="$dir/lists" -v quarter=$((320 * 1024 * 1024)) '
        sum < 4 * quarter { print substr($2, 2) > (lists "/" int(sum / quarter)); sum += $1 }
        END { if (sum < 1e9) { print "fewer than 1 GB of files in /usr" > "/dev/stderr"; exit 1 } }'
    layers="" diff_ids=""
    for list in "$dir"/lists/*; do
        tar cf "$dir/layer.tar" -C / --no-recursion --verbatim-files-from -T "$list"
        diff_id=$(sha256sum <"$dir/layer.tar" | cut -d' ' -f1)
        gzip -6n "$dir/layer.tar"
        digest=$(blob "$dir/layer.tar.gz")
        size=$(stat -c %s "$image/blobs/sha256/$digest")
        layers="$layers,{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"sha256:$digest\",\"size\":$size}"
        diff_ids="$diff_ids,\"sha256:$diff_id\""
        echo "$image/blobs/sha256/$digest sha256:$digest sha256:$diff_id" >>"$dir/layers"
    done
    printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[%s]}}' "${diff_ids#,}" >"$dir/json"
    config=$(blob "$dir/json")
    size=$(stat -c %s "$image/blobs/sha256/$config")
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[%s]}' \
        "$config" "$size" "${layers#,}" >"$dir/json"
    cp "$dir/json" "$dir/manifest.json"
    manifest=$(blob "$dir/json")
    size=$(stat -c %s "$image/blobs/sha256/$manifest")
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"bench"}}]}' \
        "$manifest" "$size" >"$image/index.json"
    printf '{"imageLayoutVersion":"1.0.0"}' >"$image/oci-layout"
}

# Moves a file to the blobs, of the image or of another layout, and answers its digest.
blob() {
    digest=$(sha256sum <"$1" | cut -d' ' -f1)
    mv "$1" "${2:-$image}/blobs/sha256/$digest"
    echo "$digest"
}

# Times commands, each given as NAME SCRIPT; answers their medians in seconds, one a line.
medians() {
    prepare=$1 count=$2
    shift 2
    hyperfine --style none --warmup 1 --runs "$count" --prepare "$prepare" --export-csv "$dir/times.csv" -N "$@" >/dev/null
    tail -n +2 "$dir/times.csv" | awk -F , '{ print $4 }'
}

# What is measured, the two medians, and the highest ratio we want.
row() {
    awk -v what="$1" -v ours="$2" -v theirs="$3" -v target="$4" 'BEGIN {
        ratio = ours / theirs
        printf "%-44s %8.3f s %8.3f s   %5.2f   %s %s\n", what, ours, theirs, ratio, target, ratio <= target ? "ok" : "MISSED"
    }'
}

memory() {
    awk -v what="$1" -v kib="$2" -v target="$3" 'BEGIN {
        mb = kib * 1024 / 1e6
        printf "%-44s %8.1f MB %21s %s %s\n", what, mb, "", target, mb <= target ? "ok" : "MISSED"
    }'
}

[ -s "$image/index.json" ] || make_image
blobs=$(cut -d' ' -f1 "$dir/layers" | tr '\n' ' ')

# hyperfine starts scripts, so that no shell's start is counted for one side only.
cat >"$dir/gzip-sha256sum" <<END
#!/bin/sh
set -e
for layer in $blobs; do gzip -dc \$layer | sha256sum; done
END
cat >"$dir/tar-xzf" <<END
#!/bin/sh
set -e
mkdir $out
for layer in $blobs; do tar xzf \$layer -C $out; done
END
chmod +x "$dir/gzip-sha256sum" "$dir/tar-xzf"
bytes=$(for layer in $blobs; do gzip -dc "$layer"; done | wc -c)
compressed=$(for layer in $blobs; do cat "$layer"; done | wc -c)

echo "$(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
echo "$(wc -l <"$dir/layers") gzip layers, $compressed bytes, $bytes uncompressed, on $(stat -f -c %T "$dir")"
echo
printf '%-44s %10s %10s   %5s   %s\n' "" portolan other ratio target

both() {
    what=$1 target=$2
    shift 2
    medians "$@" >"$dir/medians"
    row "$what" "$(sed -n 1p "$dir/medians")" "$(sed -n 2p "$dir/medians")" "$target"
}

images() {
    both "inspect, skopeo inspect --raw" 1.00 true 30 \
        "$portolan inspect oci:$image:bench" "skopeo inspect --raw oci:$image:bench"
    both "verify, gzip -dc | sha256sum in turn" 0.35 true "$runs" \
        "$portolan verify --quiet oci:$image:bench" "$dir/gzip-sha256sum"
    both "unpack, tar xzf in turn" 0.45 "rm -rf $out" "$runs" \
        "$portolan unpack --quiet oci:$image:bench $out" "$dir/tar-xzf"
    both "unpack, umoci raw unpack" 0.38 "rm -rf $out" "$runs" \
        "$portolan unpack --quiet oci:$image:bench $out" "umoci raw unpack --image $image:bench $out"
    both "verify --jobs 1, the same crates native" 1.20 true "$runs" \
        "$portolan verify --quiet --jobs 1 oci:$image:bench" "$native $(tr '\n' ' ' <"$dir/layers")"
    rm -rf "$out"
    memory "verify, peak memory" "$(peak "$portolan" verify --quiet "oci:$image:bench")" 100
    memory "unpack, peak memory" "$(peak "$portolan" unpack --quiet "oci:$image:bench" "$out")" 200
    rm -rf "$out"
}

peak() {
    /usr/bin/time -o "$dir/peak" -f %M "$@" >/dev/null
    cat "$dir/peak"
}
# What is measured, answers a second of ours and theirs, and the lowest ratio we want.
rate() {
    awk -v what="$1" -v ours="$2" -v theirs="$3" -v target="$4" -v unit="$5" 'BEGIN {
        ratio = ours / theirs
        printf "%-44s %8.1f %s %7.1f %s %5.2f   %s %s\n", what, ours, unit, theirs, unit, ratio, target, (ratio >= target ? "ok" : "MISSED")
    }'
}

# Waits until something listens.
up() {
    for _ in $(seq 100); do
        curl -sf -o "$dir/up" "http://$1/v2/" && return 0
        sleep 0.1
    done
    echo "nothing answers at $1" >&2
    exit 1
}

# Good answers a second through so many connections.
wrk_rate() {
    wrk -t 2 -c "$1" -d 5s --timeout 30s "$2" >"$dir/wrk"
    if grep Non-2xx "$dir/wrk" >&2; then exit 1; fi
    sed -n 's/^Requests\/sec: *//p' "$dir/wrk"
}

# The peak of a process that runs, in KiB.
so_far() {
    sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"
}

# Programs in WebAssembly, against another wasmtime of the same age; both keep what they compiled.
workloads() {
    programs=$(dirname "$bin")/guests/wasm32-wasip2/release
    other=target/peers/wasmtime
    cargo build --release --locked --quiet --manifest-path tests/guests/Cargo.toml --target wasm32-wasip2 --target-dir "$(dirname "$bin")/guests"
    mkdir -p "$dir/program/blobs/sha256"
    make_artifact "$programs/command.wasm"
    both "run, wasmtime run" 1.30 true 50 "$portolan run oci:$dir/program:command" "$other run $programs/command.wasm"
    ours=127.0.0.1:${BENCH_PORT:-5801} theirs=127.0.0.1:${BENCH_OTHER_PORT:-5802}
    "$portolan" run --quiet --http "$ours" "$programs/http.wasm" &
    servers="$servers $!"
    "$other" serve -S cli --addr "$theirs" "$programs/http.wasm" >/dev/null 2>&1 &
    servers="$servers $!"
    listens "$ours"
    listens "$theirs"
    rate "run --http, wasmtime serve" "$(wrk_rate 32 "http://$ours/")" "$(wrk_rate 32 "http://$theirs/")" 0.90 "/s"
}

# A layout with a component as the artifact of the CNCF.
make_artifact() {
    program=$dir/program
    cp "$1" "$dir/program.wasm"
    size=$(stat -c %s "$dir/program.wasm")
    layer=$(blob "$dir/program.wasm" "$program")
    printf '{"created":"2026-01-01T00:00:00Z","architecture":"wasm","os":"wasip2","layerDigests":["sha256:%s"],"component":{"exports":["wasi:cli/run@0.2.6"],"imports":[],"target":null}}' "$layer" >"$dir/json"
    config_size=$(stat -c %s "$dir/json")
    config=$(blob "$dir/json" "$program")
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.wasm.config.v0+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/wasm","digest":"sha256:%s","size":%s}]}' \
        "$config" "$config_size" "$layer" "$size" >"$dir/json"
    size=$(stat -c %s "$dir/json")
    manifest=$(blob "$dir/json" "$program")
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"command"}}]}' \
        "$manifest" "$size" >"$program/index.json"
    printf '{"imageLayoutVersion":"1.0.0"}' >"$program/oci-layout"
}

# Waits until something answers HTTP.
listens() {
    for _ in $(seq 100); do
        curl -sf -o "$dir/up" "http://$1/" && return 0
        sleep 0.1
    done
    echo "nothing answers at $1" >&2
    exit 1
}

registries() {
    ours=127.0.0.1:${BENCH_PORT:-5801} theirs=127.0.0.1:${BENCH_OTHER_PORT:-5802}
    mkdir -p "$dir/root" "$dir/distribution"
    printf 'version: 0.1\nlog: { level: error, accesslog: { disabled: true } }\nstorage: { filesystem: { rootdirectory: %s } }\nhttp: { addr: "%s" }\n' \
        "$dir/distribution" "$theirs" >"$dir/distribution.yml"
    "$portolan" serve --quiet --listen "$ours" "$dir/root" &
    serve=$!
    servers="$servers $serve"
    docker-registry serve "$dir/distribution.yml" >/dev/null 2>&1 &
    servers="$servers $!"
    up "$ours"
    up "$theirs"
    for registry in "$ours" "$theirs"; do
        "$portolan" copy --quiet "oci:$image:bench" "$registry/bench:bench"
    done
    for registry in "$ours" "$theirs"; do
        name="serve" && [ "$registry" = "$ours" ] || name="docker-registry"
        both "copy from $name, skopeo copy" 0.80 "rm -rf $out" "$runs" \
            "$portolan copy --quiet $registry/bench:bench oci:$out:bench" \
            "skopeo copy --quiet --src-tls-verify=false docker://$registry/bench:bench oci:$out:bench"
    done
    rm -rf "$out"
    large=$(sort -k1 "$dir/layers" | head -1 | cut -d' ' -f2)
    small=$(sed 's/.*"config":{[^}]*"digest":"\([^"]*\)".*/\1/' "$dir/manifest.json")
    rate "serve, pulls of a layer with wrk" "$(wrk_rate 4 "http://$ours/v2/bench/blobs/$large")" \
        "$(wrk_rate 4 "http://$theirs/v2/bench/blobs/$large")" 1.0 /s
    rate "serve, pulls of a small blob with wrk" "$(wrk_rate 32 "http://$ours/v2/bench/blobs/$small")" \
        "$(wrk_rate 32 "http://$theirs/v2/bench/blobs/$small")" 1.0 /s
    rate "serve, pulls of a manifest with wrk" "$(wrk_rate 32 "http://$ours/v2/bench/manifests/bench")" \
        "$(wrk_rate 32 "http://$theirs/v2/bench/manifests/bench")" 1.0 /s
    # 2 GB in one layer.
    rm -rf "$dir/distribution" "$dir/big"
    mkdir -p "$dir/big/blobs/sha256"
    head -c 2000000000 /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 2>/dev/null >"$dir/layer" || [ -s "$dir/layer" ]
    image=$dir/big
    digest=$(blob "$dir/layer")
    printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$digest" >"$dir/json"
    size=$(stat -c %s "$dir/json")
    config=$(blob "$dir/json")
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%s","size":2000000000}]}' \
        "$config" "$size" "$digest" >"$dir/json"
    size=$(stat -c %s "$dir/json")
    manifest=$(blob "$dir/json")
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"big"}}]}' \
        "$manifest" "$size" >"$image/index.json"
    printf '{"imageLayoutVersion":"1.0.0"}' >"$image/oci-layout"
    memory "copy, peak memory of a push of 2 GB" "$(peak "$portolan" copy --quiet "oci:$image:big" "$ours/big:big")" 100
    rm -rf "$image"
    memory "copy, peak memory of a pull of 2 GB" "$(peak "$portolan" copy --quiet "$ours/big:big" "oci:$out:big")" 100
    memory "serve, peak memory of all this" "$(so_far "$serve")" 100
    rm -rf "$out"
}

if has images; then images; fi
if has registries; then registries; fi
if has workloads; then workloads; fi
if has npm; then
    echo
    BENCH_RUNS=$runs node npm/bench/run.js "$image"
    BENCH_RUNS=$runs node npm/bench/browser.js "$image"
fi
if has web; then
    echo
    # As docker save has it: the layers are not compressed.
    skopeo copy --quiet "oci:$image:bench" "docker-archive:$dir/saved.tar"
    "$portolan" copy --quiet "oci:$image:bench" "oci-archive:$dir/compressed.tar"
    node web/bench/run.js "$dir/saved.tar" "$dir/compressed.tar"
    rm -f "$dir/saved.tar" "$dir/compressed.tar"
fi
