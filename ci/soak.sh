#!/usr/bin/env bash
# Soak: redis-server with libcenote.so under mixed load with key churn, then FLUSHALL and a minute of rest. Its RSS must come
# back to at most 1.1 of what it was at start plus 8 MiB, without an error.
# usage: ci/soak.sh [MINUTES]      (10 by default). `LIBCENOTE` names a library to test instead of building it.
set -euo pipefail
cd "$(dirname "$0")/.."

minutes=${1:-10}
[[ $minutes =~ ^[1-9][0-9]*$ ]] || { echo "usage: $0 [MINUTES]" >&2; exit 2; }
if ! command -v redis-server >/dev/null || ! command -v redis-benchmark >/dev/null; then
    apt-get update -qq
    apt-get install -y -qq redis-server redis-tools >/dev/null
fi
if [ -z "${LIBCENOTE-}" ]; then
    cargo build -q --release -p cenote-capi
    LIBCENOTE=${CARGO_TARGET_DIR:-target}/release/libcenote.so
fi
library=$(realpath "$LIBCENOTE")

work=$(mktemp -d)
socket=$work/redis.sock
LD_PRELOAD=$library redis-server --port 0 --unixsocket "$socket" --save '' --dir "$work" --maxmemory 400mb \
    --maxmemory-policy allkeys-lru >"$work/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
client() { redis-cli -s "$socket" "$@"; }
until client ping >/dev/null 2>&1; do
    kill -0 "$server" || { cat "$work/log"; exit 1; }
    sleep 0.1
done
grep -q libcenote "/proc/$server/maps" || { echo "the server runs without $library" >&2; exit 1; }

rss_kib() { sed -n 's/^VmRSS:\s*\([0-9]*\) kB/\1/p' "/proc/$server/status"; }
report() { printf '%6d s  %-28s RSS %6d MiB\n' $((SECONDS - begin)) "$1" $(($(rss_kib) / 1024)); }
load() { redis-benchmark -s "$socket" -q -c 20 -r 200000 "$@" >/dev/null; }

begin=$SECONDS
sleep 1
start_kib=$(rss_kib)
report 'start'
round=0
while [ $((SECONDS - begin)) -lt $((minutes * 60)) ]; do
    round=$((round + 1))
    # Sizes change from round to round, so that no class of blocks stays the busy one; keys come and go.
    load -n 60000 -d $((round * 397 % 3000 + 8)) -t set,get
    load -n 30000 -d $((round * 61 % 500 + 8)) -t lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin
    load -n 60000 del key:__rand_int__
    load -n 20000 setex short:__rand_int__ 1 "$(printf '%0*d' $((round * 131 % 900 + 1)) 0)"
    load -n 20000 append grows:__rand_int__ "$(printf '%0*d' $((round % 90 + 1)) 7)"
    [ $((round % 5)) != 0 ] || client bgsave >/dev/null
    [ $((round % 7)) != 0 ] || client flushall >/dev/null
    [ $((round % 4)) != 1 ] || report "round $round"
done
peak_kib=$(rss_kib)
while client info persistence | grep -q 'rdb_bgsave_in_progress:1'; do sleep 0.2; done
client info persistence | grep -q 'rdb_last_bgsave_status:ok' || { echo 'a background save failed' >&2; exit 1; }
report 'loaded'
client flushall >/dev/null
report 'after FLUSHALL'
sleep 60
report 'a minute later'
end_kib=$(rss_kib)
client ping >/dev/null || { echo 'the server does not answer' >&2; exit 1; }
if grep -E 'cenote: |BUG REPORT|crash' "$work/log"; then
    echo 'the server reported an error' >&2
    exit 1
fi

limit_kib=$((start_kib * 11 / 10 + 8 * 1024))
printf '\nstart %d KiB, loaded %d KiB, at the end %d KiB, allowed %d KiB\n' "$start_kib" "$peak_kib" "$end_kib" "$limit_kib"
if [ "$end_kib" -le "$limit_kib" ]; then
    echo '1 passed, 0 failed'
else
    echo '0 passed, 1 failed'
    exit 1
fi
