#!/bin/sh
# Instructions per allocation and free, for every allocator: builds the programs in both profiles and counts.
# Arguments go to `icount`; see `ci/icount.sh --help`. Needs valgrind.
set -eu
cd "$(dirname "$0")/.."
cargo build --release -p cenote-bench --features in-process --bins
cargo build --profile lto -p cenote-bench --features in-process --bin 'pairs-*'
target=${CARGO_TARGET_DIR:-target}
exec "$target/release/icount" --release "$target/release" --lto "$target/lto" "$@"
