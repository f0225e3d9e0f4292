"""Compares CPython on cenote with pymalloc and with mallocs preloaded in its place.

`compare.py` runs the programs of `programs.py`, `compare.py survivors` the table of memory that survivors pin. Each run is a
process of its own, the subjects take turns in an order that rotates, results are checked, and medians count. Needs the
package to be installed for the interpreter that runs it; the other mallocs are Debian's libmimalloc2.0, libjemalloc2 and
libtcmalloc-minimal4, and are left out where they are missing.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
from pathlib import Path

from cenote import _library

HERE = Path(__file__).parent
PRELOADED = {"mimalloc": "libmimalloc.so.2", "jemalloc": "libjemalloc.so.2", "tcmalloc": "libtcmalloc_minimal.so.4"}
BASE = "pymalloc"


def subjects():
    """The environment of each subject that is there, by name."""
    found = {BASE: {}, "cenote": {"LD_PRELOAD": str(_library.path())}}
    for name, library in PRELOADED.items():
        environment = {"LD_PRELOAD": library, "PYTHONMALLOC": "malloc"}
        probe = subprocess.run([sys.executable, "-c", ""], env={**os.environ, **environment}, capture_output=True, text=True)
        if "cannot be preloaded" in probe.stderr:
            print(f"{name} is left out: {library} is not installed", file=sys.stderr)
        else:
            found[name] = environment
    return found


def run(environment, *command):
    """Runs a program; returns the object that it prints as JSON, and its CPU seconds."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LD_PRELOAD"))}
    # The same hashes for all, and so the same tables and the same sets.
    environment = {**clean, "PYTHONHASHSEED": "1", **environment}
    process = subprocess.Popen([sys.executable, *command], env=environment, stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        reason = f"signal {signal.Signals(-process.returncode).name}" if process.returncode < 0 else f"status {process.returncode}"
        raise SystemExit(f"{' '.join(map(str, command))} ended with {reason}")
    return json.loads(output), usage.ru_utime + usage.ru_stime


def rotated(names, turn):
    names = list(names)
    return names[turn % len(names) :] + names[: turn % len(names)]


def table(header, rows):
    print(f"| {' | '.join(header)} |")
    print(f"|{'|'.join(['---'] * len(header))}|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print(flush=True)


def relative(measured, what):
    """Prints one figure of all programs relative to pymalloc's, and its geometric means."""
    names = list(next(iter(measured.values())))
    rows, ratios = [], {name: [] for name in names}
    for program, by_subject in measured.items():
        medians = {name: statistics.median(run[what] for run in by_subject[name]) for name in names}
        for name in names:
            ratios[name].append(medians[name] / medians[BASE])
        rows.append([program, f"{medians[BASE]:.2f}", *(f"{ratios[name][-1]:.3f}" for name in names)])
    means = {name: statistics.geometric_mean(values) for name, values in ratios.items()}
    rows.append(["**geometric mean**", "", *(f"**{means[name]:.3f}**" for name in names)])
    # How far the means of single rounds are from one another says what a difference is worth.
    rounds = len(next(iter(next(iter(measured.values())).values())))
    by_round = {
        name: [
            statistics.geometric_mean(runs[name][turn][what] / runs[BASE][turn][what] for runs in measured.values())
            for turn in range(rounds)
        ]
        for name in names
    }
    rows.append(["of single rounds", "", *(f"{min(by_round[name]):.3f} to {max(by_round[name]):.3f}" for name in names)])
    unit = {"cpu": "CPU", "rss": "peak RSS"}[what]
    table([unit, {"cpu": f"{BASE}, s", "rss": f"{BASE}, MiB"}[what], *names], rows)
    return means


def compare_programs(arguments):
    from programs import PROGRAMS

    environments = subjects()
    chosen = arguments.only or PROGRAMS
    measured = {program: {name: [] for name in environments} for program in chosen}
    expected = {}
    for turn in range(arguments.rounds):
        for program in chosen:
            for name in rotated(environments, turn):
                output, cpu = run(environments[name], HERE / "programs.py", program)
                result = output["result"]
                if expected.setdefault(program, result) != result:
                    raise SystemExit(f"{program} computed something else on {name}: {result!r}, not {expected[program]!r}")
                measured[program][name].append({"cpu": cpu, "rss": output["peak_rss"] / 1024})
        print(f"round {turn + 1} of {arguments.rounds}", file=sys.stderr)
    return {what: relative(measured, what) for what in ("cpu", "rss")}


def compare_survivors(arguments):
    environments = subjects()
    keeps = (20, 1000, 100_000)
    runs = {name: {} for name in environments}
    for turn in range(arguments.rounds):
        for one_in in keeps:
            for name in rotated(environments, turn):
                for what in ("rss", "cpu"):
                    output, _ = run(environments[name], HERE / "survivors.py", str(one_in), what)
                    runs[name].setdefault((one_in, what), []).append(output)

    def median(name, one_in, what, key):
        return statistics.median(run[key] for run in runs[name][one_in, what])

    print("RSS in MiB two seconds after a million byte strings were dropped but 1 in K:\n")
    rows = [
        [name, f"{median(name, 1000, 'rss', 'before'):.0f}", *(f"{median(name, k, 'rss', 'after'):.1f}" for k in keeps)]
        for name in environments
    ]
    table(["", "before", *(f"K={k}" for k in keeps)], rows)
    print("CPU seconds of the drop + an immediate refill:\n")
    rows = []
    for name in environments:
        row = [name]
        for k in keeps:
            freed, refilled = median(name, k, "cpu", "free"), median(name, k, "cpu", "refill")
            base = median(BASE, k, "cpu", "free") + median(BASE, k, "cpu", "refill")
            row.append(f"{freed:.3f} + {refilled:.3f} = {(freed + refilled) / base:.2f} of {BASE}'s")
        rows.append(row)
    table(["", *(f"K={k}" for k in keeps)], rows)
    return {name: {f"{k} {what}": values for (k, what), values in by_case.items()} for name, by_case in runs.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("programs", "survivors"), default="programs")
    parser.add_argument("--rounds", type=int, default=9, help="runs of each program on each subject (9)")
    parser.add_argument("--only", nargs="+", metavar="PROGRAM", help="only these programs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    result = {"programs": compare_programs, "survivors": compare_survivors}[arguments.what](arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
