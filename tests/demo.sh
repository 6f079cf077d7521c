#!/bin/sh
# Looks at the committed image, verifies it and unpacks it; every command is shown before it runs.
set -eu
cd "$(dirname "$0")/.."
PATH="$(realpath "${CARGO_TARGET_DIR:-target}")/release:$PATH"
scratch=$(mktemp -d)
trap 'chmod -R u+rwX "$scratch"; rm -rf "$scratch"' EXIT
image=oci:tests/images/demo:1.0

show() {
    printf '\n$ %s\n' "$*"
    "$@"
}

show portolan inspect $image
show portolan tree --platform linux/amd64 $image
show portolan verify $image
show portolan unpack --platform linux/amd64 $image "$scratch/rootfs"
show ls -la "$scratch/rootfs"
