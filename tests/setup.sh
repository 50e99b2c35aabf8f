#!/usr/bin/env bash
# Installs what the tests with real clients need: a Python environment in .bin/venv, node_modules, Chromium.
# Does nothing where that is already there.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
	printf 'tests/setup.sh: %s\n' "$*" >&2
	exit 1
}

need() { # need PROGRAM WHY
	command -v "$1" >/dev/null || fail "$1 is missing: $2"
}

# changed STAMP FILE... succeeds when the files are not those of the stamp, and leaves the new stamp in $stamp.
changed() {
	local file=$1
	shift
	stamp=$(cat "$@" | sha256sum | cut -d' ' -f1)
	[[ ! -f $file || $(<"$file") != "$stamp" ]]
}

python_packages() {
	need python3 "the tests need Python 3.10 or newer"
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail "$(python3 --version) is too old: 3.10 is needed"
	if [[ ! -x .bin/venv/bin/python ]]; then
		python3 -m venv .bin/venv || fail "python3 cannot make a virtual environment: its venv module is missing (Debian: python3-venv)"
	fi
	local pip=(.bin/venv/bin/python -m pip --quiet --disable-pip-version-check)
	if changed .bin/venv/.packages tests/requirements.txt clients/python/requirements-generate.txt; then
		echo "tests/setup.sh: installing Python packages"
		"${pip[@]}" install --requirement tests/requirements.txt || fail "pip could not install tests/requirements.txt"
		echo "$stamp" >.bin/venv/.packages
	fi
	# The package is installed as users install it, not linked, so that the tests see what it leaves out.
	local sources
	mapfile -t sources < <(find -L clients/python/src clients/python/pyproject.toml -type f -not -name '*.pyc' | LC_ALL=C sort)
	if changed .bin/venv/.sluice "${sources[@]}"; then
		echo "tests/setup.sh: installing clients/python"
		"${pip[@]}" install --no-deps --force-reinstall ./clients/python || fail "pip could not install clients/python"
		echo "$stamp" >.bin/venv/.sluice
	fi
}

node_packages() {
	need node "the tests need Node 20 or newer"
	need npm "it comes with Node"
	local major
	major=$(node --print 'process.versions.node.split(".")[0]')
	((major >= 20)) || fail "Node $(node --version) is too old: 20 is needed"
	local folder
	for folder in clients/web tests; do
		if changed "$folder/node_modules/.stamp" "$folder/package-lock.json"; then
			echo "tests/setup.sh: installing npm packages of $folder"
			npm --prefix "$folder" ci --loglevel=error || fail "npm could not install what $folder/package-lock.json lists"
			echo "$stamp" >"$folder/node_modules/.stamp"
		fi
	done
}

browser() {
	[[ -x ${CHROMIUM:-/usr/bin/chromium} ]] && return
	[[ -z ${CHROMIUM:-} ]] || fail "there is no browser at $CHROMIUM"
	if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
		fail "Chromium is missing: install it as /usr/bin/chromium, or say where it is with CHROMIUM=/path"
	fi
	echo "tests/setup.sh: installing Chromium"
	{ apt-get update && apt-get install --yes --no-install-recommends chromium; } >/dev/null || fail "apt-get could not install chromium"
}

python_packages
node_packages
browser
