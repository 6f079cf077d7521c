#!/bin/sh
# Measures against the tools of Debian and prints a table: `make bench`. The method is in BENCHMARKS.md.
#
# BENCH_RUNS: runs of each long command (default 5). BENCH_DIR: where the image is kept, to measure again without making
# it again (default: a directory in /dev/shm that is removed at the end).
set -eu
cd "$(dirname "$0")/.."
bin=$(realpath "${CARGO_TARGET_DIR:-target}")/release
portolan=$bin/portolan
native=$bin/examples/verify
runs=${BENCH_RUNS:-5}

if [ -n "${BENCH_DIR:-}" ]; then
    dir=$BENCH_DIR
    mkdir -p "$dir"
else
    dir=$(mktemp -d /dev/shm/portolan-bench.XXXXXX)
    trap 'rm -rf "$dir"' EXIT
    trap 'exit 1' INT TERM
fi
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
    manifest=$(blob "$dir/json")
    size=$(stat -c %s "$image/blobs/sha256/$manifest")
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"bench"}}]}' \
        "$manifest" "$size" >"$image/index.json"
    printf '{"imageLayoutVersion":"1.0.0"}' >"$image/oci-layout"
}

# Moves a file to the blobs and answers its digest.
blob() {
    digest=$(sha256sum <"$1" | cut -d' ' -f1)
    mv "$1" "$image/blobs/sha256/$digest"
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

peak() {
    /usr/bin/time -o "$dir/peak" -f %M "$@" >/dev/null
    cat "$dir/peak"
}
memory "verify, peak memory" "$(peak "$portolan" verify --quiet "oci:$image:bench")" 100
memory "unpack, peak memory" "$(peak "$portolan" unpack --quiet "oci:$image:bench" "$out")" 200
rm -rf "$out"

echo
BENCH_RUNS=$runs node npm/bench/run.js "$image"
BENCH_RUNS=$runs node npm/bench/browser.js "$image"
