#!/bin/sh
# Weakens each Acquire, Release, AcqRel and SeqCst of the crate to Relaxed in turn, in a copy, and expects a loom scenario
# to fail; then breaks each protocol in the ways that ci/mutants.txt lists, and expects the same. Prints a table.
#
# The scenario that the comment before the ordering names is tried first, then all. A site is excused if that comment says
# `no scenario can fail`, and why. Arguments restrict it to lines of the table that contain one of them.
set -eu
cd "$(dirname "$0")/.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT INT TERM
# -m: what a copy before this one left in the target directory must not pass for up to date.
tar -c --exclude target Cargo.toml Cargo.lock src loom-tests benches capi runtimes tests | tar -x -m -C "$copy"
export RUSTFLAGS="${RUSTFLAGS:-} --cfg cenote_loom"
CARGO_TARGET_DIR="$(mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)/weaken"
export CARGO_TARGET_DIR
export RUST_BACKTRACE=0 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_DEBUG=0
failures=0

# The test program of the copy as it stands; empty if it does not build.
build() {
    (cd "$copy" && cargo test --release -p loom-tests --lib --no-run --message-format json 2>"$copy/log") |
        sed -n 's/.*"name":"loom[-_]tests".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1
}

# The first scenario that fails among those whose name contains $2 (all of them if empty). Each has a process of its own:
# a panic while panicking ends it, and a broken protocol may let it run for ever.
first_failure() {
    "$1" --list 2>/dev/null | sed -n 's/: test$//p' | grep -e "$2" | while read -r name; do
        result=0
        timeout 60 "$1" --exact "$name" >/dev/null 2>&1 || result=$?
        case $result in
        0) continue ;;
        124) echo "$name (does not end)" ;;
        *) echo "$name" ;;
        esac
        break
    done
}

# Judges the change of file $1 just made in the copy, called $2, for which scenario $3 is expected to fail.
judge() {
    program=$(build)
    if [ -z "$program" ]; then
        verdict="DOES NOT BUILD"
        failures=$((failures + 1))
    else
        caught=
        [ -z "$3" ] || caught=$(first_failure "$program" "$3")
        if [ -n "$caught" ]; then
            verdict="caught by $caught"
        elif caught=$(first_failure "$program" '') && [ -n "$caught" ]; then
            verdict="caught by $caught"
            if [ -n "$3" ]; then
                verdict="$verdict, NOT BY $3"
                failures=$((failures + 1))
            fi
        else
            verdict="NOT CAUGHT"
            failures=$((failures + 1))
        fi
    fi
    cp "$1" "$copy/$1"
    printf '%-62s -> %s\n' "$2" "$verdict"
}

wanted() {
    [ -z "$filter" ] || printf '%s\n' "$1" | grep -q -e "$filter"
}

filter=$(printf '%s\n' "$@" | paste -s -d '|' | sed 's/|/\\|/g')

program=$(build)
if [ -z "$program" ]; then
    cat "$copy/log" >&2
    exit 1
fi
failed=$(first_failure "$program" '')
[ -z "$failed" ] || { echo "$failed fails as things are" >&2; exit 1; }

# Every site: file, line, which occurrence in the line, ordering, and what the comment just before says.
sites() {
    grep -rlE 'Ordering::(Acquire|Release|AcqRel|SeqCst)' src | sort | while read -r file; do
        awk -v file="$file" '
            /^ *\/\// { comment = comment " " $0; next }
            {
                rest = $0
                n = 0
                while (match(rest, /Ordering::(Acquire|Release|AcqRel|SeqCst)/)) {
                    n++
                    scenario = "-"
                    said = comment
                    gsub(/ *\/\/+ */, " ", said)
                    if (said ~ /no scenario can fail/) scenario = "ARGUED"
                    else if (match(said, /Scenario: *[a-z_0-9]+/)) {
                        scenario = substr(said, RSTART, RLENGTH)
                        sub(/Scenario: */, "", scenario)
                    }
                    match(rest, /Ordering::(Acquire|Release|AcqRel|SeqCst)/)
                    print file, FNR, n, substr(rest, RSTART + 10, RLENGTH - 10), scenario
                    rest = substr(rest, RSTART + RLENGTH)
                }
                comment = ""
            }' "$file"
    done
}

sites >"$copy/sites"
while read -r file line occurrence ordering scenario; do
    site="$file:$line $ordering"
    wanted "$site" || continue
    case $scenario in
    ARGUED)
        printf '%-62s -> %s\n' "$site" "argued: no scenario can fail"
        continue
        ;;
    -)
        printf '%-62s -> %s\n' "$site" "NAMES NO SCENARIO"
        failures=$((failures + 1))
        scenario=
        ;;
    esac
    sed -E -i "${line}s/Ordering::(Acquire|Release|AcqRel|SeqCst)/Ordering::Relaxed/${occurrence}" "$copy/$file"
    judge "$file" "$site" "$scenario"
done <"$copy/sites"

# Every mutant: file, a sed script, the scenario that is expected to fail, what is broken.
grep -v -e '^#' -e '^$' ci/mutants.txt >"$copy/mutants"
while IFS='	' read -r file script scenario what; do
    mutant="$file: $what"
    wanted "$mutant" || continue
    sed -E -i "$script" "$copy/$file"
    if cmp -s "$file" "$copy/$file"; then
        printf '%-62s -> %s\n' "$mutant" "CHANGES NOTHING"
        failures=$((failures + 1))
        continue
    fi
    judge "$file" "$mutant" "$scenario"
done <"$copy/mutants"

[ "$failures" -eq 0 ] || { echo "$failures not as expected"; exit 1; }
