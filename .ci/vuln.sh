#!/usr/bin/env bash
# Looks for known vulnerabilities in what each given module calls: .ci/vuln.sh . tests
#
# A finding fails. Without a database there is no answer, and a developer offline must
# still get through: that the check was not done is then said, and is no failure, but
# with VULN_REQUIRED=1, for releases. GOVULNDB names a mirror of the database, also as
# file:///folder. VULN_TIMEOUT bounds the look at one module, in seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
database=${GOVULNDB:-https://vuln.go.dev}
limit=${VULN_TIMEOUT:-60}
output=$(mktemp)
checker=${GOVULNCHECK:-.bin/govulncheck}
trap 'rm -f "$output"' EXIT

not_done() {
	echo "vuln: NOT DONE: $1"
	echo "vuln: nothing is known of vulnerabilities in this tree; GOVULNDB names another database"
	[ -z "${VULN_REQUIRED:-}" ] || { echo "vuln: VULN_REQUIRED is set: this fails"; exit 1; }
	exit 0
}

# Only a database out of reach excuses: work of ours that is slow or fails must not pass for one.
within_reach() { curl -fsS -m 5 -o /dev/null "$database/index/modules.json" 2>/dev/null; }

for module in "${@:-.}"; do
	status=0
	timeout "$limit" "$checker" -C "$module" -db "$database" ./... >"$output" 2>&1 || status=$?
	case $status in
	0) # A folder with nothing in it is no database, though govulncheck takes it for one.
		[[ $database != file:* ]] || within_reach || not_done "$database holds none"
		echo "vuln: $module: nothing known ($database)" ;;
	3) # govulncheck's code for findings
		cat "$output"
		echo "vuln: $module calls what is known to be vulnerable"
		exit 1 ;;
	124)
		within_reach || not_done "$database did not answer within $limit s"
		echo "vuln: $module: not finished within $limit s; VULN_TIMEOUT allows more"
		exit 1 ;;
	*)
		if grep -qE '(fetching vulnerabilities|creating client): ' "$output" && ! within_reach; then
			not_done "$database cannot be read: $(tail -n 1 "$output")"
		fi
		cat "$output"
		exit 1 ;;
	esac
done
