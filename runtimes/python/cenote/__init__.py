"""CPython on the cenote allocator.

The robust way is to start the program with it:

    python -m cenote script.py arguments...
    python -m cenote -m module arguments...

In an interpreter that runs already, `install()` does what can be done.
"""

import sys

from . import _library
from ._library import InstallError

__all__ = ["InstallError", "debugmallocstats", "getallocatedblocks", "install", "is_active", "purge", "route", "stats"]


def install():
    """Puts cenote behind the raw, mem and obj domains of the running interpreter.

    What was allocated before stays where it is and is freed there. CPython does not promise that this works; it does.
    Nothing happens if cenote is active already.

    Raises InstallError, with the reason, where it would not be safe: while tracemalloc or another hook is active, under
    PYTHONMALLOC or -X dev, in a free-threaded build.
    """
    _library.install()


def route():
    """How cenote got into this interpreter: "preload" (python -m cenote), "late" (install), or None: it is not active."""
    return _library.route()


def is_active():
    """Whether cenote serves this interpreter's memory now."""
    return route() is not None


def stats():
    """What cenote holds, a dict of counts and bytes; "classes" has a dict for each size class."""
    return _library.stats()


def purge():
    """Gives back to the system at once what can be given back; returns the bytes."""
    return _library.purge()


def getallocatedblocks():
    """The blocks in use, as sys.getallocatedblocks() counts pymalloc's: large ones, which it leaves out, are left out."""
    return sum(size_class["used_blocks"] for size_class in stats()["classes"])


def debugmallocstats(file=None):
    """Prints the statistics as sys._debugmallocstats() prints pymalloc's, on `file` or standard error."""
    file = file or sys.stderr
    numbers = stats()
    row = "{:>6} {:>8} {:>8} {:>12} {:>12} {:>12}".format
    print(row("class", "size", "pools", "blocks", "used", "cached"), file=file)
    for index, size_class in enumerate(numbers.pop("classes")):
        if size_class["pools"]:
            columns = ("block_bytes", "pools", "blocks", "used_blocks", "cached_blocks")
            print(row(index, *(size_class[column] for column in columns)), file=file)
    print(file=file)
    for name, number in numbers.items():
        print(f"# {name.replace('_', ' '):20} = {number:20,}", file=file)
