#!/usr/bin/env bash
# Runs tests, and its last lines say what failed and why: tests/run.sh [unit] [sdk] [browser] [schemathesis] [faults]
# [resilience] [hostile]. unit is all that go test runs by itself, under the race detector; the others are real clients,
# faults and load against the real binary. Without arguments, these others. What was measured is printed behind a suite's line.
# SLUICE_BIN names a binary to test; unset, the tree is built. ARGS goes to go test of unit.
set -uo pipefail
cd "$(dirname "$0")/.."

suites=("$@")
((${#suites[@]})) || suites=(sdk browser schemathesis faults resilience hostile)

make --silent "$PWD/.bin/gotestsum" || exit
if [[ ${suites[*]} != unit ]]; then
	tests/setup.sh || exit
	if [[ -z ${SLUICE_BIN:-} ]]; then
		make --no-print-directory build || exit
		export SLUICE_BIN=$PWD/.bin/sluice
	fi
	echo "tests/run.sh: building clients/web"
	npm --prefix clients/web run --silent build && npm --prefix clients/web run --silent build:example || exit
fi

logs=.bin/logs
rm -rf "$logs"
mkdir -p "$logs"
failed=() # runs whose failures are told again at the end

# run NAME FOLDER FORMAT FLAG... has gotestsum run go test, with all its events in $logs/NAME.json.
run() {
	local name=$1 folder=$2 format=$3 root=$PWD
	shift 3
	(cd "$folder" && "$root/.bin/gotestsum" --format "$format" --format-icons text --format-hide-empty-pkg --hide-summary all \
		--jsonfile "$root/$logs/$name.json" -- "$@")
}

# finish NAME STATUS BEGAN prints the run's line, what failed, and what was measured.
finish() {
	local name=$1 verdict=ok
	(($2 == 0)) || verdict=FAILED
	printf 'tests/run.sh: %-14s %-7s %3d s   %s\n' "$name" "$verdict" $((SECONDS - $3)) "$logs/$name.log"
	(($2 == 0)) || {
		failed+=("$name")
		failures "$name"
	}
	sed -n 's/^measured: /  /p' "$logs/$name.log"
}

# failures NAME [texts|names] prints what failed in a run.
failures() {
	.bin/gotestsum --format none --hide-summary skipped --raw-command -- cat "$logs/$1.json" 2>&1 |
		awk -v name="$1" -v all="$logs/$1.log" -v tell="${2:-}" -f .ci/failures.awk
}

# Orders that hide a dependence between tests come to light, and can be had again.
shuffle=-shuffle=${SLUICE_SHUFFLE:-$(date +%s)}

unit() { # unit NAME FOLDER FLAG...: a line per package, everything in the log
	local name=$1 folder=$2 began=$SECONDS status=0
	shift 2
	# shellcheck disable=SC2086 # ARGS are words
	SLUICE_BIN='' run "$name" "$folder" pkgname "$@" ${ARGS:-} ./... 2>&1 || status=$? # what needs the binary is a suite of its own
	.bin/gotestsum --format standard-verbose --hide-summary all --raw-command -- cat "$logs/$name.json" >"$logs/$name.log" 2>&1
	finish "$name" $status $began
}

live() { # live NAME: the suite in tests/NAME
	local name=$1 began=$SECONDS status=0
	# The suites start everything themselves, and bound it: go test's own timeout is for a suite that forgets.
	# Every fault as often as a leak needs to show, and hostile callers with the real bounds of time, 2,000 of them at once.
	SLUICE_FAULT_REPEAT=${SLUICE_FAULT_REPEAT:-500} SLUICE_HOSTILE_LONG=1 \
		run "$name" tests standard-verbose -count=1 -timeout 10m "./$name" >"$logs/$name.log" 2>&1 || status=$?
	finish "$name" $status $began
}

for suite in "${suites[@]}"; do
	case $suite in
	unit)
		unit unit . -race "$shuffle"
		unit unit-tests tests -race "$shuffle"
		unit unit-tools .ci/tools/supply
		;;
	*) live "$suite" ;;
	esac
done

if ((${#failed[@]})); then
	printf '\ntests/run.sh: what failed, again ("%s" has the order of unit again)\n\n' "SLUICE_SHUFFLE=${shuffle#*=}"
	for name in "${failed[@]}"; do failures "$name" texts; done
	for name in "${failed[@]}"; do failures "$name" names; done
	echo "tests/run.sh: FAILED: ${failed[*]}"
	exit 1
fi
echo "tests/run.sh: all passed"
