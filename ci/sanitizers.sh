#!/bin/sh
# Runs the tests of many threads under ThreadSanitizer, and tests of layouts and contents under AddressSanitizer, which
# takes part in what the tests and the allocator do to their own memory. `ci/sanitizers.sh [thread|address]`.
set -eu
cd "$(dirname "$0")/.."

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo 'sanitizers: skipped, as there is no nightly compiler (rustup toolchain install nightly)'
    exit
fi

target=$(rustc +nightly -vV | sed -n 's/^host: //p')
if [ -e "$(rustc +nightly --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" ]; then
    std='-Zbuild-std'
    flags=''
else
    echo 'sanitizers: without an instrumented standard library, as there is none in source (rustup component add rust-src)'
    std=''
    flags='-Cunsafe-allow-abi-mismatch=sanitizer'
fi

# Both at once would build everything anew each time.
sanitize() {
    kind=$1
    command=$2
    # ThreadSanitizer does not know what orders a thread and who takes from its magazines.
    cfg=
    [ "$kind" = address ] || cfg='--cfg cenote_tsan'
    shift 2
    RUSTFLAGS="-Zsanitizer=$kind $cfg $flags" cargo +nightly "$command" $std --target "$target" \
        --target-dir "$PWD/target/sanitizer-$kind" "$@"
}

thread() {
    TSAN_OPTIONS='second_deadlock_stack=1'
    if [ -z "$std" ]; then
        TSAN_OPTIONS="$TSAN_OPTIONS suppressions=$PWD/ci/tsan.supp"
    fi
    export TSAN_OPTIONS
    # Not `thread_locals`, some of whose destructors run when the sanitizer has put its own data of the thread away.
    sanitize thread test --test stress
    # Random programs, with much of what the tests do not do.
    (cd fuzz && sanitize thread run --no-default-features --example random threads 30)
}

address() {
    # Blocks of the system allocator, which the sanitizer knows, are held by blocks that it does not know.
    # Absurd sizes are refused, as they are elsewhere.
    ASAN_OPTIONS='detect_leaks=0:allocator_may_return_null=1'
    export ASAN_OPTIONS
    sanitize address test --test growth --test layouts --test properties --test stress
}

case ${1:-all} in
thread) thread ;;
address) address ;;
*) thread
    address ;;
esac
