#!/usr/bin/env bash
# Runs CPython's own tests on cenote, with each interpreter: those named, or all of 3.11 to 3.14 that are found.
# usage: runtimes/python/cpython-tests.sh [python ...] [-- arguments of cpython_tests.py]
set -euo pipefail
cd "$(dirname "$0")"
source ./interpreters.sh

named=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    named+=("$1")
    shift
done
[ $# -eq 0 ] || shift

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
result=0
for python in $(interpreters "${named[@]}"); do
    printf '\n== %s (%s)\n' "$python" "$("$python" --version)"
    "$python" -m venv --clear "$work/venv"
    "$work/venv/bin/pip" install -q --disable-pip-version-check .
    "$work/venv/bin/python" cpython_tests.py "$@" || result=1
done
exit $result
