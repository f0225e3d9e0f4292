"""Runs CPython's own tests on cenote; ends well if only those fail that assert pymalloc itself.

A file that fails is run again without cenote: what fails there too is the machine's fault and told as such.
"""

import argparse
import concurrent.futures
import importlib.util
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

# Memory, threads, fork, containers, pickling. Some have another name in another version; what is missing is left out.
FILES = """
    test_array test_asyncgen test_buffer test_bytes test_capi test_cmd_line test_collections test_copy test_coroutines
    test_ctypes test_deque test_descr test_dict test_exceptions test_finalization test_fork1 test_gc test_generators test_io
    test_interpreters test__xxsubinterpreters test_itertools test_json test_list test_marshal test_memoryview test_mmap
    test_ordered_dict test_pickle test_queue test_re test_set test_sqlite3 test_str test_unicode test_struct test_sys
    test_threading test_threading_local test_tracemalloc test_tuple test_weakref test_zlib
""".split()

ASSERT_PYMALLOC = re.compile(r"test_getallocatedblocks|test_debugmallocstats|test_pythonmalloc|test_python_malloc_stats")


def failures(file, launcher, timeout):
    """The tests of `file` that fail, by name, or the file itself if it ends otherwise; and what it printed."""
    command = [sys.executable, *launcher, "-m", "test", "-v", file]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with tempfile.TemporaryDirectory() as directory:
        try:
            process = subprocess.run(
                command, cwd=directory, env=environment, timeout=timeout, text=True, errors="replace",
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )
        except subprocess.TimeoutExpired:
            return {f"{file}: no end after {timeout} s"}, ""
    if process.returncode == 0:
        return set(), ""
    failed = set(re.findall(r"^(?:FAIL|ERROR): (\S+)", process.stdout, re.MULTILINE))
    return failed or {f"{file}: exit status {process.returncode}"}, process.stdout


def judge(file, timeout):
    """Runs one file; returns it with what fails unexpectedly, what is allowed to, and what fails anyway."""
    start = time.monotonic()
    failed, output = failures(file, ["-m", "cenote"], timeout)
    allowed = {name for name in failed if ASSERT_PYMALLOC.search(name)}
    unexpected, anyway = failed - allowed, set()
    if unexpected:
        anyway = unexpected & failures(file, [], timeout)[0]
        unexpected -= anyway
    return file, unexpected, allowed, anyway, output if unexpected else "", time.monotonic() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", help="files of CPython's test package; by default those that concern memory")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="files at a time")
    parser.add_argument("--timeout", type=int, default=900, help="seconds for one file")
    arguments = parser.parse_args()
    # Tests of interrupts need what a shell's background jobs are started without.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    files = [file for file in arguments.files or FILES if importlib.util.find_spec(f"test.{file}")]
    if not files:
        parser.error("this interpreter comes without its tests")
    passed, bad = 0, []
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for file, unexpected, allowed, anyway, output, seconds in pool.map(lambda file: judge(file, arguments.timeout), files):
            remarks = [
                *(f"{name} FAILED" for name in sorted(unexpected)),
                *(f"{name} fails, as it asserts pymalloc" for name in sorted(allowed)),
                *(f"{name} fails without cenote too" for name in sorted(anyway)),
            ]
            print(f"{file:26} {seconds:6.1f} s  {'; '.join(remarks) or 'ok'}", flush=True)
            if unexpected:
                bad.append(file)
                print(output[-6000:], flush=True)
            else:
                passed += 1
    print(f"\n{passed} passed, {len(bad)} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
