#!/usr/bin/env bash
# Runs real clients, load and faults against the real binary: tests/run.sh [sdk] [browser] [schemathesis] [faults]
# [resilience] [hostile], all without arguments. What faults, resilience and hostile measured is printed behind their line.
# SLUICE_BIN names a binary to test; unset, the tree is built.
set -uo pipefail
cd "$(dirname "$0")/.."

suites=("$@")
((${#suites[@]})) || suites=(sdk browser schemathesis faults resilience hostile)

tests/setup.sh || exit
if [[ -z ${SLUICE_BIN:-} ]]; then
	make --no-print-directory build || exit
	export SLUICE_BIN=$PWD/.bin/sluice
fi
echo "tests/run.sh: building clients/web"
npm --prefix clients/web run --silent build && npm --prefix clients/web run --silent build:example || exit

# Every fault as often as a leak needs to show; go test alone repeats it less.
export SLUICE_FAULT_REPEAT=${SLUICE_FAULT_REPEAT:-500}
# Hostile callers meet the real bounds of time, and 2,000 of them at once; go test alone has shorter ones.
export SLUICE_HOSTILE_LONG=1

rm -rf .bin/logs
mkdir -p .bin/logs
failed=()
for suite in "${suites[@]}"; do
	log=.bin/logs/$suite.log
	began=$SECONDS
	# The suites start everything themselves, and bound it: go test's own timeout is for a suite that forgets.
	if (cd tests && go test -count=1 -v -timeout 10m "./$suite") >"$log" 2>&1; then
		verdict=ok
	else
		verdict=FAILED
		failed+=("$suite")
		grep -v '^=== ' "$log"
	fi
	printf 'tests/run.sh: %-14s %-7s %3d s   %s\n' "$suite" "$verdict" $((SECONDS - began)) "$log"
	sed -n 's/^measured: /  /p' "$log"
done

if ((${#failed[@]})); then
	echo "tests/run.sh: FAILED: ${failed[*]}"
	exit 1
fi
echo "tests/run.sh: all passed"
