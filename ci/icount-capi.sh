#!/usr/bin/env bash
# Instructions per malloc and free through libcenote.so, counted by Valgrind's callgrind: those of the two functions, and
# with the caller's two calls and their way through the offset table. Fails if the functions take more than 30.
# Arguments are other libraries to count for comparison; `libc` is the C library's malloc.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly most=30
sizes=(16 32 64 128 256 512 1024)

for tool in cc valgrind; do
    if ! command -v $tool >/dev/null; then
        echo "icount-capi: skipped, as there is no $tool"
        exit
    fi
done
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
capi/install.sh --prefix "$scratch/usr" >/dev/null
cc -O2 -fno-builtin -fPIC -shared -DNOTHING capi/tests/programs/pairs.c -o "$scratch/libnothing.so"
cc -O2 -fno-builtin capi/tests/programs/pairs.c -o "$scratch/pairs" -L"$scratch" -lnothing -Wl,-rpath,"$scratch"

# Instructions of a whole run.
run() {
    LD_PRELOAD=$1 valgrind --tool=callgrind --callgrind-out-file=/dev/null "$scratch/pairs" "$2" "$3" "$4" 2>&1 |
        sed -n 's/.*Collected : *//p'
}

# Instructions of one iteration: the difference between two runs.
iteration() {
    local few=1000 many=11000
    echo $((($(run "$1" "$2" $many "$3") - $(run "$1" "$2" $few "$3")) / (many - few)))
}

loop=$(iteration "" loop 16)
# The functions that do nothing take an instruction to return, and one of them another to return something.
calls=$(($(iteration "" nothing 16) - loop - 3))
status=0
printf '%-40s' 'instructions a pair, with calls in ()'
printf '%10s' "${sizes[@]}"
echo
for library in "$scratch/usr/lib/libcenote.so" "$@"; do
    printf '%-40s' "$(basename "$library")"
    for size in "${sizes[@]}"; do
        preload=$library
        [ "$library" = libc ] && preload=
        pair=$(($(iteration "$preload" malloc "$size") - loop))
        printf '%10s' "$((pair - calls)) ($pair)"
        if [ "$library" = "$scratch/usr/lib/libcenote.so" ] && [ $((pair - calls)) -gt $most ]; then
            status=1
        fi
    done
    echo
done
[ $status = 0 ] || echo "icount-capi: more than $most instructions"
exit $status
