#!/bin/sh
# Runs each fuzz target for some seconds (20 unless told) on its committed corpus. Installs nothing: without cargo-fuzz
# or a compiler that takes its flags, the same action lists are fed with random bytes.
set -eu
seconds=${1:-20}
targets='global_alloc heaps threads'
cd "$(dirname "$0")/../fuzz"

toolchain=''
if ! cargo fuzz --version >/dev/null 2>&1; then
    why='cargo-fuzz is not installed (cargo install cargo-fuzz)'
elif cargo +nightly --version >/dev/null 2>&1; then
    why=''
    toolchain='+nightly'
else
    echo 'fuzz-smoke: no nightly compiler; the stable one takes nightly flags by RUSTC_BOOTSTRAP=1'
    why=''
    export RUSTC_BOOTSTRAP=1
fi

if [ -z "$why" ] && ! cargo $toolchain fuzz build --sanitizer none >target-build.log 2>&1; then
    tail -n 20 target-build.log
    why='the targets do not build with libFuzzer (no C++ compiler?)'
fi
rm -f target-build.log

if [ -n "$why" ]; then
    echo "fuzz-smoke: $why; falling back to random inputs, without coverage"
    cargo build --quiet --release --no-default-features --example random
    for target in $targets; do
        target/release/examples/random "$target" "$seconds"
    done
    exit
fi

# What libFuzzer finds goes to a scratch directory, not to the committed corpus.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for target in $targets; do
    mkdir "$scratch/$target"
    echo "fuzz-smoke: $target for $seconds s"
    cargo $toolchain fuzz run --sanitizer none "$target" "$scratch/$target" "corpus/$target" -- \
        -max_total_time="$seconds" -max_len=4096 -timeout=60 -rss_limit_mb=4096 -print_final_stats=1 \
        >"$scratch/log" 2>&1 || { tail -n 60 "$scratch/log"; exit 1; }
    grep -E '^stat::(number_of_executed_units|peak_rss_mb)' "$scratch/log"
done
