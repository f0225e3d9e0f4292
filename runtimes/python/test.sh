#!/usr/bin/env bash
# Builds the package once and runs its tests with each interpreter: those named, or all of 3.11 to 3.14 that are found.
# With a free-threaded build that is named they show that it is refused.
# usage: runtimes/python/test.sh [python ...]
set -euo pipefail
cd "$(dirname "$0")"
source ./interpreters.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mapfile -t pythons < <(interpreters "$@")
[ ${#pythons[@]} -gt 0 ] || { echo "no CPython 3.11 to 3.14 was found" >&2; exit 1; }

for python in "${pythons[@]}"; do
    printf '\n== %s (%s)\n' "$python" "$("$python" --version)"
    "$python" -m venv "$work/venv"
    if [ ! -d "$work/wheel" ]; then
        "$work/venv/bin/pip" wheel -q --disable-pip-version-check --no-deps -w "$work/wheel" .
    fi
    "$work/venv/bin/pip" install -q --disable-pip-version-check "$work"/wheel/*.whl
    (cd tests && "$work/venv/bin/python" -m unittest test_cenote)
    rm -rf "$work/venv"
done
