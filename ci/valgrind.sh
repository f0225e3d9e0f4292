#!/bin/sh
# Runs examples and tests under Valgrind, whose address space is small: the reservation is halved until it fits. Memcheck
# knows nothing of the blocks; that it starts, and finds nothing wrong with the allocator itself, is what is tested.
set -eu
cd "$(dirname "$0")/.."

if ! command -v valgrind >/dev/null; then
    echo 'valgrind: skipped, as it is not installed'
    exit
fi

cargo build --quiet --examples
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The path of a test's program.
test_program() {
    cargo test --no-run --test "$1" 2>&1 | sed -n 's/.*(\(target[^)]*\)).*/\1/p'
}

for tool in none memcheck; do
    echo "valgrind: $tool"
    run="valgrind --quiet --tool=$tool --error-exitcode=9"
    $run target/debug/examples/inverted_index src --threads 2 >"$scratch/$tool.out"
done
target/debug/examples/inverted_index src --threads 2 >"$scratch/plain.out"
cmp "$scratch/plain.out" "$scratch/none.out"
cmp "$scratch/plain.out" "$scratch/memcheck.out"

for test in stats heap_isolation usable_size; do
    program=$(test_program "$test")
    valgrind --quiet --tool=none --trace-children=yes "$program" --test-threads=1
done
