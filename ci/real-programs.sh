#!/usr/bin/env bash
# Runs real programs, unmodified, with libcenote.so preloaded. What they compute must be what they compute without it.
# usage: ci/real-programs.sh [quick | all | PROGRAM ...]
#
# Each program below is a function that works in an empty directory and prints what it computed: nothing that depends on
# time, place or process numbers. It runs once as it is and once with the library, and the two are compared. Installs
# Debian's packages where a program is missing, as root. `LIBCENOTE` names a library to test instead of building it.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

quick=(perl gawk sqlite git gcc python redis node)
all=("${quick[@]}" gxx python_tests cargo postgres nginx java chromium)

# --- the programs ----------------------------------------------------------------------------------------------------------

packages_perl=perl
run_perl() {
    perl -e '
        my (%seen, @order); my $x = 1;
        for (1 .. 400_000) {
            $x = ($x * 1103515245 + 12345) % 2147483648;
            my $word = "w" . ($x % 50_000) . "x" x ($x % 37);
            push @order, $word unless $seen{$word}++;
            delete $seen{shift @order} if @order > 20_000;
        }
        my $text = join " ", @order; my $changed = ($text =~ s/(x+)/length $1/ge);
        print scalar(keys %seen), " ", $changed, " ", length $text, "\n";'
}

packages_gawk=gawk
run_gawk() {
    seq 1 600000 | gawk '{ key = $1 % 7919; sum[key] += $1; text[key] = substr(text[key] $1, 1, 300) }
        END { n = asorti(sum, keys); for (i = 1; i <= n; i++) { total += sum[keys[i]]; long += length(text[keys[i]]) }
              print n, total, long }'
}

packages_sqlite=sqlite3
run_sqlite() {
    sqlite3 data.db <<'SQL'
CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, size INTEGER);
WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < 1000000)
INSERT INTO item SELECT n, printf('item %d %s', n, substr('abcdefghijklmnopqrstuvwxyz', n % 26)), n * 7919 % 1000 FROM count;
CREATE INDEX by_size ON item(size, name);
SELECT size % 10, count(*), sum(length(name)), min(name), max(name) FROM item GROUP BY 1 ORDER BY 1;
DELETE FROM item WHERE size < 300;
UPDATE item SET name = name || name WHERE size > 900;
SELECT group_concat(name, '') IS NOT NULL, count(*), sum(length(name)) FROM item;
PRAGMA integrity_check;
SQL
}

packages_git=git
run_git() {
    export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
    git init -q --initial-branch main origin
    {
        for commit in $(seq 1 400); do
            printf 'commit refs/heads/main\ncommitter a <a@b> %d +0000\ndata 9\ncommit %s\n' $((1700000000 + commit)) "$((commit % 10))"
            for file in 1 2 3; do
                body=$(seq "$commit" $((commit + 100 * file)))
                printf 'M 100644 inline dir%d/file%d\ndata %d\n%s\n' $((commit % 20)) "$file" ${#body} "$body"
            done
        done
    } | git -C origin fast-import --quiet
    git clone -q --no-local origin clone
    git -C clone repack -adfq --depth=20 --window=20 --threads=2
    git -C clone gc -q --prune=now
    git -C clone fsck --strict --no-progress 2>&1
    git -C clone log --format='%H %T' | sha256sum
    git -C clone grep -c 77 | sort | sha256sum
    git -C clone log --stat -p | sha256sum
}

packages_gcc=gcc
run_gcc() {
    for n in $(seq 1 1500); do
        printf 'struct s%d { int a[%d]; struct s%d *next; };\nint f%d(struct s%d *p, int n) { int sum = 0; for (int i = 0; i < n; i++) sum += p->a[i %% %d] * %d; return p->next ? sum + f%d(p->next, n / 2) : sum; }\n' \
            "$n" $((n % 50 + 1)) "$n" "$n" "$n" $((n % 50 + 1)) "$n" "$n"
    done >large.c
    gcc -O1 -c large.c -o large.o
    sha256sum <large.o
}

packages_gxx=g++
run_gxx() {
    {
        printf '#include <map>\n#include <regex>\n#include <string>\n#include <unordered_map>\n#include <vector>\n'
        printf 'template <int N> struct key { int v; bool operator<(const key &o) const { return v < o.v; } };\n'
        for n in $(seq 1 60); do
            printf 'int f%d(int k) { std::map<key<%d>, std::vector<std::string>> m; m[{k}].push_back(std::to_string(k)); return m.begin()->second.size() + %d; }\n' "$n" "$n" "$n"
        done
        printf 'bool match(const std::string &s) { return std::regex_match(s, std::regex("(a|b)*c+")); }\n'
    } >large.cc
    g++ -O1 -c large.cc -o large.o
    sha256sum <large.o
}

packages_python=python3
run_python() {
    PYTHONMALLOC=malloc PYTHONHASHSEED=1 /usr/bin/python3 - <<'PY'
import hashlib, json, queue, threading

jobs, results = queue.Queue(50), queue.Queue()

def work():
    while (number := jobs.get()) is not None:
        rows = [{"id": i, "text": str(i) * (i % 20), "list": [i, [i]]} for i in range(number % 300)]
        results.put((number, hashlib.sha256(json.dumps(json.loads(json.dumps(rows))).encode()).hexdigest()))

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for number in range(1500): jobs.put(number)
for _ in threads: jobs.put(None)
for thread in threads: thread.join()
found = sorted(results.get() for _ in range(1500))
print(len(found), hashlib.sha256(repr(found).encode()).hexdigest())
PY
}

packages_python_tests=libpython$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' || echo 3)-testsuite
run_python_tests() {
    # Tests of signals need the default, which a job in the background lacks; tests of pymalloc itself are left out.
    local file
    for file in test_gc test_weakref test_list test_dict test_set test_bytes test_json test_pickle test_copy test_deque \
        test_threading test_threading_local test_fork1 test_io test_re test_memoryview test_buffer test_mmap; do
        PYTHONMALLOC=malloc /usr/bin/python3 -c '
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from test.libregrtest import main
main()' "$file" >"$file.log" 2>&1 && echo "$file passed" || echo "$file failed"
    done
}

packages_cargo=
run_cargo() {
    cp -r "$root"/{src,tests,examples,Cargo.toml,Cargo.lock} .
    # Only the core: what else is in the workspace is not part of what is built.
    sed -i '/^\(members\|default-members\|exclude\) = /d; s/^\[workspace\]$/[workspace]\nmembers = ["."]/' Cargo.toml
    cargo build -q --release --offline --jobs 2
    sha256sum <target/release/libcenote.rlib
}

packages_redis='redis-server redis-tools'
run_redis() {
    local socket=$PWD/redis.sock
    local options=(--port 0 --unixsocket "$socket" --save '' --daemonize yes --enable-debug-command yes --dir "$PWD" --logfile "$PWD/log")
    local client=(redis-cli -s "$socket")
    redis-server "${options[@]}" >/dev/null
    wait_for "${client[@]}" ping
    uses_library "$("${client[@]}" info server | sed -n 's/^process_id:\([0-9]*\).*/\1/p')"
    redis-benchmark -s "$socket" -q -n 30000 -c 20 -d 200 -r 5000 -t set,get,incr,lpush,rpush,lpop,sadd,hset,zadd,mset >/dev/null
    "${client[@]}" flushall
    for n in $(seq 1 20000); do
        echo "SET string$((n % 5000)) $(printf '%0*d' $((n % 300 + 1)) "$n")"
        echo "HSET hash$((n % 100)) field$n $n"
        echo "ZADD sorted$((n % 50)) $n member$n"
        echo "RPUSH list$((n % 70)) element$n"
        echo "SADD set$((n % 30)) $((n % 999)) word$n"
        [ $((n % 3)) != 0 ] || echo "DEL string$((n % 4000))"
    done | "${client[@]}" --pipe | tail -1
    # A child saves while the parent goes on.
    "${client[@]}" bgsave >/dev/null
    redis-benchmark -s "$socket" -q -n 20000 -c 20 -r 1000 lpush scratch __rand_int__ >/dev/null
    wait_for bash -c "redis-cli -s '$socket' info persistence | grep -q rdb_bgsave_in_progress:0"
    "${client[@]}" del scratch
    "${client[@]}" info persistence | grep -o 'rdb_last_bgsave_status:[a-z]*'
    "${client[@]}" dbsize
    "${client[@]}" debug digest
    "${client[@]}" save
    "${client[@]}" shutdown nosave
    redis-server "${options[@]}" >/dev/null
    wait_for "${client[@]}" ping
    "${client[@]}" debug digest
    "${client[@]}" shutdown nosave
}

packages_node=nodejs
run_node() {
    node -e '
const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
const { createHash } = require("crypto");
const zlib = require("zlib");
const code = `
  const { parentPort, workerData } = require("worker_threads");
  const { createHash } = require("crypto");
  const hash = createHash("sha256");
  for (let i = 0; i < 400; i++) {
    const rows = Array.from({ length: i % 97 }, (_, n) => ({ n, text: String(n * workerData).repeat(n % 9) }));
    hash.update(Buffer.from(JSON.stringify(JSON.parse(JSON.stringify(rows)))));
    hash.update(require("zlib").deflateSync(Buffer.alloc(i * 300, i)));
  }
  parentPort.postMessage(hash.digest("hex"));`;
const results = new Map();
for (let n = 1; n <= 4; n++) {
  new Worker(code, { eval: true, workerData: n }).on("message", (text) => {
    results.set(n, text);
    if (results.size === 4) for (let i = 1; i <= 4; i++) console.log(results.get(i));
  });
}'
}

packages_postgres='postgresql postgresql-contrib'
run_postgres() {
    local bin
    bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
    local as=(env HOME="$PWD")
    if [ "$(id -u)" = 0 ]; then
        chown postgres .
        as=(runuser -u postgres -- "${as[@]}")
    fi
    "${as[@]}" "$bin/initdb" -D "$PWD/data" --no-sync -A trust -U postgres >/dev/null
    "${as[@]}" "$bin/pg_ctl" -D "$PWD/data" -w -s -l "$PWD/log" -o "-k $PWD -c listen_addresses= -c fsync=off" start
    uses_library "$(head -1 data/postmaster.pid)"
    local client=(-h "$PWD" -U postgres postgres)
    "$bin/pgbench" -q -i -s 5 "${client[@]}" >/dev/null 2>&1
    "$bin/pgbench" -n -c 8 -j 2 -t 500 --random-seed=1 "${client[@]}" 2>&1 | grep 'actually processed'
    "$bin/psql" -qAt -h "$PWD" -U postgres postgres <<'SQL'
SELECT sum(abalance), count(*) FROM pgbench_accounts;
SELECT sum(delta), count(*) FROM pgbench_history;
SELECT md5(string_agg(x::text, ',' ORDER BY md5(x::text))) FROM generate_series(1, 200000) x;
SELECT count(*), sum(length(repeat(md5(a.x::text), a.x % 5))) FROM generate_series(1, 300000) a(x) JOIN generate_series(1, 300000, 3) b(y) ON a.x = b.y;
SQL
    "${as[@]}" "$bin/pg_ctl" -D "$PWD/data" -w -s -m fast stop
}

packages_nginx='nginx-light apache2-utils curl'
run_nginx() {
    mkdir www
    for n in 1 2 3; do seq 1 $((n * 20000)) >"www/$n.txt"; done
    chmod -R a+rX . && chmod a+x "$PWD"
    cat >nginx.conf <<EOF
pid $PWD/nginx.pid;
error_log $PWD/error.log;
worker_processes 2;
events {}
http {
    access_log off;
    client_body_temp_path $PWD/body; proxy_temp_path $PWD/proxy; fastcgi_temp_path $PWD/f; uwsgi_temp_path $PWD/u; scgi_temp_path $PWD/s;
    server { listen 127.0.0.1:18932; root $PWD/www; gzip on; gzip_types text/plain; ssi on; }
}
EOF
    nginx -c "$PWD/nginx.conf" 2>/dev/null
    wait_for curl -sf -o /dev/null http://127.0.0.1:18932/1.txt
    uses_library "$(cat nginx.pid)"
    ab -q -n 3000 -c 16 -k -H 'Accept-Encoding: gzip' http://127.0.0.1:18932/1.txt | grep -E '^(Complete|Failed) requests'
    nginx -c "$PWD/nginx.conf" -s reload 2>/dev/null
    for n in 1 2 3; do
        curl -sf http://127.0.0.1:18932/$n.txt | sha256sum
        curl -sf --compressed http://127.0.0.1:18932/$n.txt | sha256sum
    done
    nginx -c "$PWD/nginx.conf" -s quit 2>/dev/null
    wait_for test ! -e nginx.pid
}

packages_java=default-jdk-headless
run_java() {
    cat >Main.java <<'JAVA'
import java.util.*;
import java.util.stream.*;

public class Main {
    public static void main(String[] arguments) throws Exception {
        List<Thread> threads = new ArrayList<>();
        long[] sums = new long[4];
        for (int t = 0; t < 4; t++) {
            int which = t;
            threads.add(new Thread(() -> {
                Map<String, List<Integer>> map = new HashMap<>();
                for (int i = 0; i < 300_000; i++) map.computeIfAbsent("k" + i % 997, k -> new ArrayList<>()).add(i * which);
                sums[which] = map.values().stream().mapToLong(l -> l.stream().mapToLong(Integer::longValue).sum()).sum();
            }));
        }
        for (Thread thread : threads) thread.start();
        for (Thread thread : threads) thread.join();
        System.out.println(Arrays.toString(sums));
        System.out.println(IntStream.range(0, 100_000).mapToObj(Integer::toString).collect(Collectors.joining()).hashCode());
    }
}
JAVA
    java -Xmx512m Main.java
}

packages_chromium='chromium fonts-dejavu-core file'
run_chromium() {
    cat >page.html <<'HTML'
<!doctype html><title>page</title><style>td { border: 1px solid gray; border-radius: 4px; font: 12px "DejaVu Sans" }</style>
<canvas id=c width=300 height=200></canvas><table id=t></table>
<script>
for (let row = 0; row < 200; row++) {
  const tr = t.insertRow();
  for (let column = 0; column < 8; column++) tr.insertCell().textContent = (row * 7919 + column).toString(36);
}
const g = c.getContext("2d");
for (let i = 0; i < 500; i++) { g.fillStyle = `hsl(${i} 70% 50%)`; g.fillRect(i * 13 % 300, i * 29 % 200, 20, 10); }
document.title = [...t.rows].reduce((sum, row) => sum + row.offsetHeight, 0) > 0 ? "rendered" : "empty";
</script>
HTML
    local options=(--headless --no-sandbox --disable-gpu --user-data-dir="$PWD/profile" --window-size=800,600)
    timeout 120 chromium "${options[@]}" --dump-dom "file://$PWD/page.html" 2>/dev/null >dom.html
    grep -o '<title>rendered' dom.html
    sha256sum <dom.html
    timeout 120 chromium "${options[@]}" --screenshot="$PWD/page.png" "file://$PWD/page.html" 2>/dev/null
    file -b page.png
    sha256sum <page.png
}

# --- running them ----------------------------------------------------------------------------------------------------------

# Waits until a command succeeds, up to half a minute.
wait_for() {
    local tries
    for tries in $(seq 1 300); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    echo "gave up waiting: $*" >&2
    return 1
}

# Fails if a server runs without the library that it should have.
uses_library() {
    [ -z "${LD_PRELOAD-}" ] || grep -q libcenote "/proc/$1/maps" || { echo "process $1 runs without the library" >&2; return 1; }
}

# Runs one program in an empty directory, always the same: some write its name into what they make.
run() {
    rm -rf "$work/run"
    mkdir "$work/run"
    chmod 755 "$work" "$work/run"
    (
        cd "$work/run"
        # What a program leaves running when it fails would hold the directory.
        trap 'kill $(cat redis.pid nginx.pid data/postmaster.pid 2>/dev/null | grep -E "^[0-9]+$" | head -3) 2>/dev/null || true' EXIT
        if [ -n "$2" ]; then export LD_PRELOAD=$2; fi
        set -e
        "run_$1"
    )
}

selected=("$@")
case "${selected[*]-}" in
'' | quick) selected=("${quick[@]}") ;;
all) selected=("${all[@]}") ;;
esac
for program in "${selected[@]}"; do
    declare -F "run_$program" >/dev/null || { echo "no program '$program'; there are: ${all[*]}" >&2; exit 2; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    missing=()
    for program in "${selected[@]}"; do
        packages=packages_$program
        for package in ${!packages}; do
            # A program that came by other means will do.
            dpkg -s "$package" >/dev/null 2>&1 || command -v "${package%js}" >/dev/null || missing+=("$package")
        done
    done
    if [ ${#missing[@]} -gt 0 ]; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}" >/dev/null
    fi
fi

if [ -z "${LIBCENOTE-}" ]; then
    cargo build -q --release -p cenote-capi
    LIBCENOTE=${CARGO_TARGET_DIR:-target}/release/libcenote.so
fi
# Servers drop their rights and must still be able to read it.
cp "$LIBCENOTE" "$work/libcenote.so"
chmod 755 "$work"
library=$work/libcenote.so
if ! LD_PRELOAD=$library grep -q libcenote /proc/self/maps; then
    echo "the loader does not preload $library" >&2
    exit 1
fi

passed=0
failed=0
rows=()
for program in "${selected[@]}"; do
    echo "== $program"
    start=$SECONDS
    # Not as conditions: in those a program would go on after a step that failed.
    set +e
    run "$program" '' >"$work/without" 2>"$work/without.log"
    status_without=$?
    run "$program" "$library" >"$work/with" 2>"$work/with.log"
    status_with=$?
    set -e
    if [ $status_without != 0 ]; then
        verdict='FAILED without cenote too'
        tail -20 "$work/without.log"
    elif [ $status_with != 0 ]; then
        verdict='FAILED'
        tail -20 "$work/with" "$work/with.log"
    elif ! diff "$work/without" "$work/with"; then
        verdict='DIFFERS'
    elif [ ! -s "$work/with" ]; then
        verdict='computed nothing'
    else
        verdict=same
    fi
    if [ "$verdict" = same ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    rows+=("$(printf '%-14s %5d s  %s' "$program" $((SECONDS - start)) "$verdict")")
done

printf '\n%-14s %7s  %s\n' program took result
printf '%s\n' "${rows[@]}"
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
