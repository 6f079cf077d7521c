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
show portolan run $image

# A registry of its own, and an image that goes there and comes back.
portolan serve --listen 127.0.0.1:0 "$scratch/registry" 2>"$scratch/log" &
server=$!
trap 'kill $server; chmod -R u+rwX "$scratch"; rm -rf "$scratch"' EXIT
until grep -q listening "$scratch/log"; do sleep 0.1; done
registry=$(sed -n 's|.*http://||p' "$scratch/log")
printf '\n$ portolan serve %s\n' "$scratch/registry"
show portolan push $image "$registry/demo:1.0"
show portolan attach --artifact-type application/vnd.example.note "$registry/demo:1.0" tests/demo.sh:text/x-shellscript
show portolan referrers "$registry/demo:1.0"
show portolan inspect --platform linux/arm64 "$registry/demo:1.0"
show portolan copy --platform linux/amd64 "$registry/demo:1.0" "oci-archive:$scratch/demo.tar:1.0"
