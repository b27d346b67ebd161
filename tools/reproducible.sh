#!/usr/bin/env bash
# Builds the binary in two folders, as make build does, and wants equal bytes: who has the
# source and the same Go can tell whether a binary was made of it. Both take compiled
# packages from one cache; REPRO_FRESH=1 gives each an empty one, which takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

for dir in one two/further/down; do
	mkdir -p "$work/$dir"
	tar -c --exclude=./.git --exclude=./gmsd . | tar -x -C "$work/$dir"
	(
		if [[ -n ${REPRO_FRESH:-} ]]; then export GOCACHE="$work/cache-${dir%%/*}"; fi
		make -s -C "$work/$dir" build
	)
done

sha256sum "$work"/one/gmsd "$work"/two/further/down/gmsd | sed "s#$work/##"
cmp "$work/one/gmsd" "$work/two/further/down/gmsd" || {
	echo "reproducible: two builds of one source differ; look at go version -m of both" >&2
	exit 1
}
