#!/usr/bin/env bash
# Runs every fuzz target FUZZ_EXECS times. (By number, not by time: at the end of
# a time the go tool may call a worker that is still busy a failure, with "context
# deadline exceeded".) A finding is written to testdata/fuzz of its package by the go
# tool, and from then on is an ordinary test: commit it.
set -euo pipefail
cd "$(dirname "$0")/.."

execs=${FUZZ_EXECS:-20000}

# package:target, found by name, so a new target cannot be forgotten.
mapfile -t targets < <(grep -rHoE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' . |
	sed -E 's#^\./(.*)/[^/]+:func (.*)$#\1:\2#' | sort -u)
if ((${#targets[@]} == 0)); then
	echo "fuzz: no target found" >&2
	exit 1
fi

echo "fuzz: ${#targets[@]} targets, $execs executions each"

for entry in "${targets[@]}"; do
	go test "./${entry%%:*}" -run '^$' -fuzz "^${entry##*:}\$" -fuzztime "${execs}x" -parallel 2 |
		grep -vE '^fuzz: elapsed: [0-9]+s, (gathering|execs: 0 )' || { echo "fuzz: ${entry} failed" >&2; exit 1; }
done
