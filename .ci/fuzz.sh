#!/usr/bin/env bash
# Runs every fuzz target of the main module for the given time each (default 30s), found
# by their names, and stops at the first that fails; Go keeps its input under testdata/fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-30s}
go list -f '{{.Dir}}' ./... | while read -r dir; do
	{ grep -hoE '^func (Fuzz[A-Za-z0-9_]+)' "$dir"/*_test.go 2>/dev/null || true; } | awk '{print $2}' | while read -r target; do
		echo "== ${dir#"$PWD"/} $target ($time)"
		(cd "$dir" && go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 5s .)
	done
done
