#!/bin/sh
# Runs the production protocols under loom. Arguments go to the test program: names of scenarios, --nocapture.
#
# Scenarios state how far they are explored; LOOM_MAX_PREEMPTIONS overrides it for all of them.
set -eu
cd "$(dirname "$0")/.."
RUSTFLAGS="${RUSTFLAGS:-} --cfg cenote_loom" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/loom" \
    exec cargo test --release --quiet -p loom-tests --lib -- "$@"
