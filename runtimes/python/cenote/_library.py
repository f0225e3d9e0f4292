"""The library that does the work, and the conditions under which it can."""

import ctypes
import json
import os
import sys
import sysconfig
from pathlib import Path

VERSIONS = ((3, 11), (3, 14))


class InstallError(RuntimeError):
    """CPython cannot be served by cenote here; the message says why."""


def path():
    """The library's file."""
    file = Path(__file__).with_name("_preload.so")
    if not file.is_file():
        raise InstallError(f"cenote's library is missing from {file.parent}: install the package with pip")
    return file


_loaded = None


def load():
    """The library, which is in the process already if the interpreter was started with it."""
    global _loaded
    if _loaded is None:
        # PyDLL: the GIL stays held, as installing needs it; statistics and purging take too short to let go of it.
        try:
            library = ctypes.PyDLL(str(path()))
        except OSError as error:
            # The room for thread-local memory of libraries that come late is small, and other libraries may have used it up.
            raise InstallError(f"the loader refuses cenote's library, which python -m cenote loads first: {error}") from error
        library.cenote_python_stats.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        library.cenote_python_stats.restype = ctypes.c_size_t
        library.cenote_python_purge.restype = ctypes.c_size_t
        _loaded = library
    return _loaded


def check_interpreter():
    """Raises InstallError if no route leads into this interpreter."""
    version = sys.version_info[:2]
    first, last = (".".join(map(str, bound)) for bound in VERSIONS)
    if not sys.platform.startswith("linux") or sys.implementation.name != "cpython":
        raise InstallError(f"cenote serves CPython on Linux; this is {sys.implementation.name} on {sys.platform}")
    if not VERSIONS[0] <= version <= VERSIONS[1]:
        raise InstallError(f"cenote serves CPython {first} to {last}; this is {version[0]}.{version[1]}")
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise InstallError(
            "this is a free-threaded build of CPython: its garbage collector finds objects by walking its own "
            "allocator's memory, and would find none in cenote's. Use a build with the GIL."
        )
    if sys.flags.dev_mode:
        raise InstallError("-X dev and PYTHONDEVMODE make CPython use its own debug allocator: run without them")
    choice = os.environ.get("PYTHONMALLOC")
    if choice and not sys.flags.ignore_environment:
        raise InstallError(f"PYTHONMALLOC={choice} makes CPython use its own allocators: unset it")


# What `cenote_python_install` answers: `Installed` of src/lib.rs.
_INSTALLED, _ALREADY, _NO_INTERPRETER, _NOT_STOCK, _FREE_THREADED = range(5)

_REFUSALS = {
    _NO_INTERPRETER: "no interpreter that cenote knows was found in this process",
    _NOT_STOCK: (
        "other code has replaced CPython's memory functions (a hook or another allocator): restoring them later would "
        "hand it cenote's blocks. Install cenote before it, or start the program with python -m cenote."
    ),
    _FREE_THREADED: "this is a free-threaded build of CPython, which needs its own allocator",
}


def install():
    """See cenote.install."""
    check_interpreter()
    library = load()
    if library.cenote_python_route():
        return
    import _tracemalloc

    if _tracemalloc.is_tracing():
        raise InstallError(
            "tracemalloc is tracing: when it stops it restores CPython's functions, which cannot free cenote's blocks. "
            "Install cenote before it starts, or start the program with python -m cenote."
        )
    answer = library.cenote_python_install()
    if answer == _ALREADY:
        raise InstallError("cenote was installed before, and other code has since put CPython's own functions back")
    if answer != _INSTALLED:
        raise InstallError(_REFUSALS[answer])


def route():
    """Which route cenote took into this interpreter: None, "preload" or "late"."""
    return (None, "preload", "late")[load().cenote_python_route()]


def stats():
    """See cenote.stats."""
    library = load()
    room = 1 << 14
    while True:
        text = ctypes.create_string_buffer(room)
        size = library.cenote_python_stats(text, room)
        if size <= room:
            return json.loads(text.raw[:size])
        room = 2 * size


def purge():
    """See cenote.purge."""
    return load().cenote_python_purge()
