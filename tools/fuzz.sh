#!/usr/bin/env bash
# Runs every fuzz target for a while: all together at most FUZZ_SECONDS, each at
# most FUZZ_EACH. A finding is written to testdata/fuzz of its package by the go
# tool, and from then on is an ordinary test: commit it.
set -euo pipefail
cd "$(dirname "$0")/.."

total=${FUZZ_SECONDS:-150}
each=${FUZZ_EACH:-10}

# package:target, found by name, so a new target cannot be forgotten.
mapfile -t targets < <(grep -rHoE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' . |
	sed -E 's#^\./(.*)/[^/]+:func (.*)$#\1:\2#' | sort -u)
if ((${#targets[@]} == 0)); then
	echo "fuzz: no target found" >&2
	exit 1
fi

seconds=$((total / ${#targets[@]}))
((seconds > each)) && seconds=$each
((seconds < 1)) && seconds=1
echo "fuzz: ${#targets[@]} targets, $seconds s each"

for entry in "${targets[@]}"; do
	go test "./${entry%%:*}" -run '^$' -fuzz "^${entry##*:}\$" -fuzztime "${seconds}s" -parallel 2 |
		grep -vE '^fuzz: elapsed: [0-9]+s, (gathering|execs: 0 )' || { echo "fuzz: ${entry} failed" >&2; exit 1; }
done
