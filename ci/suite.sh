#!/bin/sh
# Tests the benchmark suite from one end to the other: it builds the programs of some allocators as its users do, measures,
# and tells. Not in the gate, since that build takes minutes.
set -eu
cd "$(dirname "$0")/.."
exec cargo test -q -p cenote-bench --test end_to_end
