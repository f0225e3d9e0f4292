"""Runs a Python program on cenote: starts the interpreter again, with the library preloaded."""

import os
import sys

from . import _library

USAGE = """\
usage: python [option] ... -m cenote script.py | -m module | -c command  [argument] ...

Runs a Python program with cenote behind all of the interpreter's memory. Options of the interpreter, such as -X, stand
before `-m cenote`. Processes that the program starts inherit LD_PRELOAD, and so Python programs among them run on cenote
too."""


def interpreter_options(orig_argv, argument_count):
    """The interpreter's own options in its command line, which ends with `-m cenote` and the arguments."""
    options = list(orig_argv[1 : len(orig_argv) - argument_count])
    module = options.pop()
    # The module's name may stand in the same word as -m, and -m may end a word of several options.
    flags = options.pop() if module.startswith("cenote") else module[: module.rindex("cenote")]
    flags = flags.removesuffix("m")
    return options if flags == "-" else [*options, flags]


def main():
    arguments = sys.argv[1:]
    if arguments[:1] in (["-h"], ["--help"]):
        print(USAGE)
        return 0
    if arguments and arguments[0].startswith("-") and not arguments[0].startswith(("-m", "-c")) and arguments[0] != "-":
        print(f"cenote: {arguments[0]} is not one of -m and -c; the interpreter's options stand before -m cenote", file=sys.stderr)
        return 2
    try:
        _library.check_interpreter()
        library = str(_library.path())
    except _library.InstallError as error:
        print(f"cenote: {error}", file=sys.stderr)
        return 2
    if any(character in library for character in " :"):
        print(f"cenote: the loader cannot preload a file with a space or a colon in its path: {library}", file=sys.stderr)
        return 2
    options = interpreter_options(sys.orig_argv, len(arguments))
    preload = [library, *(name for name in os.environ.get("LD_PRELOAD", "").replace(":", " ").split() if name != library)]
    environment = {**os.environ, "LD_PRELOAD": ":".join(preload)}
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *options, *arguments], environment)


if __name__ == "__main__":
    sys.exit(main())
