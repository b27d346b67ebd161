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

# Two at a time: to link one takes as long as to run it.
run() {
	local out
	out=$(go test "./${1%%:*}" -run '^$' -fuzz "^${1##*:}\$" -fuzztime "${execs}x" -parallel 1 2>&1) || {
		echo "$out"
		echo "fuzz: $1 failed" >&2
		return 1
	}
	grep -vE '^fuzz: elapsed: [0-9]+s, (gathering|execs: 0 )' <<<"$out"
}
export -f run
export execs
printf '%s\n' "${targets[@]}" | xargs -P 2 -I{} bash -c 'run {}'
