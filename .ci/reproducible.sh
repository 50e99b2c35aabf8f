#!/usr/bin/env bash
# Builds the tree as it stands twice, in folders of their own and the second time with
# nothing in the build cache, and fails unless both binaries are the same bytes, static
# and stripped. Takes as long as a first build does.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Copies have no .git: what make build stamps is handed on, as to a build from an archive.
stamp=(VERSION="$(make -s --no-print-directory print-version)" COMMIT="$(make -s --no-print-directory print-commit)")

git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' f; do
	[ ! -f "$f" ] || printf '%s\0' "$f" # what was removed and not yet committed is listed, too
done | tar --null -T - -cf "$work/tree.tar"

build() { # folder, then environment
	mkdir -p "$1"
	tar -xf "$work/tree.tar" -C "$1"
	env "${@:2}" make -s --no-print-directory -C "$1" build "${stamp[@]}"
}
build "$work/one"
build "$work/another/with/a/longer/name" GOCACHE="$work/cache" GOMAXPROCS=1 TZ=Asia/Tokyo LC_ALL=C GOFLAGS= # as a stranger's machine
one=$work/one/.bin/sluice another="$work/another/with/a/longer/name/.bin/sluice"

cmp "$one" "$another" || { echo "reproducible: two builds of one tree differ"; exit 1; }
! grep -qaF -e "$work" -e "$HOME/" "$one" || { echo "reproducible: the binary names a folder of the machine that built it"; exit 1; }
linked=$(LC_ALL=C ldd "$one" 2>&1 || true)
[[ $linked == *"not a dynamic executable"* ]] || { echo "reproducible: the binary is not static: $linked"; exit 1; }
[[ $(go tool nm "$one" 2>&1 || true) == *"no symbols"* ]] || { echo "reproducible: the binary is not stripped"; exit 1; }
"$one" version
echo "reproducible: sha256 $(sha256sum <"$one" | cut -d' ' -f1), $(stat -c %s "$one") bytes, static, stripped"
