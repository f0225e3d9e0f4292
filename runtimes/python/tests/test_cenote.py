"""What users of the package rely on, and each hazard that it guards against. Each test runs real interpreters."""

import os
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
import unittest
from unittest import mock

from cenote import InstallError, __main__ as launcher, _library

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
needs_gil = unittest.skipIf(FREE_THREADED, "refused there")

# Prints whether the collector finds what an allocator hides from it that it does not know.
COLLECTS = """
    import gc
    class Node: pass
    gc.disable()
    for _ in range(1000):
        node = Node()
        node.itself = node
    del node
    print(gc.collect() >= 1000)
"""


def python(*arguments, options=(), environment=None, stdin=None):
    """Runs an interpreter; returns the process, finished."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LD_PRELOAD"))}
    return subprocess.run(
        [sys.executable, *options, *arguments],
        env={**clean, **(environment or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=240,
    )


class Base(unittest.TestCase):
    def run_code(self, code, *, launch, options=(), environment=None):
        """Runs code and returns what it prints; it must end well and say nothing on standard error."""
        command = ["-m", "cenote", "-c"] if launch else ["-c"]
        process = python(*command, textwrap.dedent(code), options=options, environment=environment)
        self.assertEqual((process.returncode, process.stderr), (0, ""))
        return process.stdout.strip()

    def refused(self, message, *arguments, **how):
        process = python(*arguments, **how)
        self.assertNotEqual(process.returncode, 0)
        self.assertRegex(process.stderr, message)


@needs_gil
class Launching(Base):
    def launched(self, code, **how):
        return self.run_code(code, launch=True, **how)

    def test_script_sees_what_it_would_see_without(self):
        code = "import sys; print(sys.argv[1:], __name__, sys.path[0], sys.flags.optimize, sys.warnoptions)"
        with tempfile.TemporaryDirectory() as directory:
            script = os.path.join(directory, "script.py")
            with open(script, "w") as file:
                file.write(code)
            options = ["-O", "-W", "ignore"]
            plain = python(script, "a", "-m", "b c", options=options)
            launched = python("-m", "cenote", script, "a", "-m", "b c", options=options)
        self.assertEqual((launched.returncode, launched.stderr, launched.stdout), (0, "", plain.stdout))

    def test_module(self):
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "some_module.py"), "w") as file:
                file.write("import sys; print(sys.argv, __name__)")
            environment = {"PYTHONPATH": directory}
            arguments = ["-m", "some_module", "--option", "-m", "b c"]
            plain = python(*arguments, environment=environment)
            launched = python("-m", "cenote", *arguments, environment=environment)
        self.assertEqual((launched.returncode, launched.stderr, launched.stdout), (0, "", plain.stdout))

    def test_standard_input_and_exit_status(self):
        process = python("-m", "cenote", "-", stdin="import cenote\nraise SystemExit(7 if cenote.is_active() else 1)")
        self.assertEqual(process.returncode, 7)

    def test_cenote_is_active(self):
        self.assertEqual(self.launched("import cenote; print(cenote.route(), cenote.is_active())"), "preload True")

    def test_without_launching_nothing_happens(self):
        self.assertEqual(self.run_code("import cenote; print(cenote.route())", launch=False), "None")

    def test_options_of_the_interpreter_are_kept(self):
        self.assertEqual(launcher.interpreter_options(["python", "-m", "cenote"], 0), [])
        self.assertEqual(launcher.interpreter_options(["python", "-Im", "cenote", "x"], 1), ["-I"])
        self.assertEqual(launcher.interpreter_options(["python", "-X", "utf8", "-mcenote", "-m", "cenote"], 2), ["-X", "utf8"])
        self.assertEqual(launcher.interpreter_options(["python", "-OBmcenote"], 0), ["-OB"])

    def test_help_and_wrong_usage(self):
        self.assertIn("usage:", python("-m", "cenote", "--help").stdout)
        self.refused("options stand before -m cenote", "-m", "cenote", "-O", "script.py")

    def test_child_processes_run_on_cenote(self):
        code = "import subprocess, sys; print(subprocess.run([sys.executable, '-c', 'import cenote; print(cenote.route())'],"
        self.assertEqual(self.launched(code + " capture_output=True, text=True).stdout)"), "preload")

    def test_programs_that_are_no_python_are_left_alone(self):
        self.assertEqual(self.launched("import subprocess; subprocess.run(['/bin/echo', 'left alone'])"), "left alone")


@needs_gil
class Hazards(Base):
    """Of the preload route."""

    def test_pythonmalloc_is_refused(self):
        for choice in ("malloc", "pymalloc", "debug", "default"):
            with self.subTest(choice):
                self.refused(f"PYTHONMALLOC={choice}", "-m", "cenote", "-c", "", environment={"PYTHONMALLOC": choice})

    def test_pythonmalloc_that_the_interpreter_ignores_is_no_matter(self):
        code = "import cenote; print(cenote.route())"
        environment = {"PYTHONMALLOC": "debug"}
        self.assertEqual(self.run_code(code, launch=True, options=["-E"], environment=environment), "preload")

    def test_pythonmalloc_of_a_child_undoes_the_route_and_shows(self):
        code = """
            import subprocess, sys
            for choice in ("malloc", "debug"):
                child = [sys.executable, "-c", "import cenote; print(cenote.route())"]
                subprocess.run(child, env={"PYTHONMALLOC": choice, **__import__("os").environ})
        """
        self.assertEqual(self.run_code(code, launch=True).split(), ["None", "None"])

    def test_development_mode_is_refused(self):
        self.refused("-X dev", "-m", "cenote", "-c", "", options=["-X", "dev"])
        self.refused("PYTHONDEVMODE", "-m", "cenote", "-c", "", environment={"PYTHONDEVMODE": "1"})

    def test_tracemalloc_comes_and_goes(self):
        code = """
            import cenote, tracemalloc
            tracemalloc.start()
            kept = [str(number) for number in range(10000)]
            assert len(tracemalloc.take_snapshot().traces) > 9000
            assert cenote.route() == "preload"
            tracemalloc.stop()
            assert cenote.route() == "preload"
            del kept
        """
        self.run_code(code, launch=True)
        self.run_code(code, launch=True, options=["-X", "tracemalloc"])

    def test_counts_that_the_interpreter_lost(self):
        code = """
            import cenote, io, sys
            before = cenote.getallocatedblocks()
            kept = [object() for _ in range(100_000)]
            print(sys.getallocatedblocks(), cenote.getallocatedblocks() - before >= 100_000)
            del kept
            print(cenote.getallocatedblocks() - before < 10_000)
            table = io.StringIO()
            cenote.debugmallocstats(table)
            print("in use bytes" in table.getvalue())
            sys._debugmallocstats()
        """
        process = python("-m", "cenote", "-c", textwrap.dedent(code))
        self.assertEqual((process.returncode, process.stdout.split()), (0, ["0", "True", "True", "True"]))

    def test_free_threaded_build_is_refused(self):
        with mock.patch("sysconfig.get_config_var", return_value=1), self.assertRaisesRegex(InstallError, "free-threaded"):
            _library.check_interpreter()

    def test_unknown_interpreters_are_refused(self):
        for version in ((3, 10, 0), (3, 15, 0)):
            with mock.patch("sys.version_info", version), self.assertRaisesRegex(InstallError, "3.11 to 3.14"):
                _library.check_interpreter()
        with mock.patch("sys.platform", "darwin"), self.assertRaisesRegex(InstallError, "Linux"):
            _library.check_interpreter()


@needs_gil
class Requirements(Base):
    """What CPython asks of an allocator."""

    def test_blocks_of_no_bytes_are_distinct(self):
        code = """
            import ctypes
            for domain in ("PyMem_Raw", "PyMem_", "PyObject_"):
                malloc, calloc, free = (getattr(ctypes.pythonapi, domain + name) for name in ("Malloc", "Calloc", "Free"))
                malloc.restype = calloc.restype = ctypes.c_void_p
                malloc.argtypes, calloc.argtypes, free.argtypes = [ctypes.c_size_t], [ctypes.c_size_t] * 2, [ctypes.c_void_p]
                blocks = [malloc(0) for _ in range(100)] + [calloc(0, 8) for _ in range(100)] + [calloc(8, 0)]
                assert all(blocks) and len(set(blocks)) == len(blocks), domain
                for block in blocks:
                    free(block)
        """
        self.run_code(code, launch=True)

    def test_running_out_of_memory_is_a_memory_error(self):
        code = """
            for size in (2**62, 2**63 - 100):
                try:
                    bytearray(size)
                except MemoryError:
                    print("MemoryError")
        """
        self.assertEqual(self.run_code(code, launch=True).split(), ["MemoryError"] * 2)

    def test_threads_pass_objects_among_them(self):
        code = """
            import queue, threading
            jobs, results = queue.Queue(100), queue.Queue()
            def work():
                while (job := jobs.get()) is not None:
                    results.put(sum(len(text) for text in job))
            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads: thread.start()
            for round in range(2000): jobs.put([str(number) * (number % 40) for number in range(round % 100)])
            for _ in threads: jobs.put(None)
            for thread in threads: thread.join()
            print(sum(results.get() for _ in range(2000)))
        """
        self.assertEqual(self.run_code(code, launch=True), self.run_code(code, launch=False))

    def test_fork_while_threads_allocate(self):
        code = """
            import os, threading, warnings
            warnings.simplefilter("ignore")
            stop = threading.Event()
            def churn():
                while not stop.is_set():
                    kept = [bytes(number % 3000) for number in range(2000)]
            threads = [threading.Thread(target=churn) for _ in range(3)]
            for thread in threads: thread.start()
            for _ in range(30):
                child = os.fork()
                if child == 0:
                    kept = [bytes(number % 3000) for number in range(2000)]
                    os._exit(0 if sum(map(len, kept)) == sum(number % 3000 for number in range(2000)) else 1)
                assert os.waitpid(child, 0)[1] == 0
            stop.set()
            for thread in threads: thread.join()
            print("done")
        """
        self.assertEqual(self.run_code(code, launch=True), "done")

    def test_the_collector_finds_cycles(self):
        self.assertEqual(self.run_code(COLLECTS, launch=True), "True")

    @unittest.skipIf(sys.version_info < (3, 12), "one allocator for all interpreters before 3.12")
    def test_subinterpreters(self):
        code = """
            try:
                import _interpreters as interpreters
            except ImportError:
                import _xxsubinterpreters as interpreters
            for _ in range(5):
                interpreter = interpreters.create()
                interpreters.run_string(interpreter, "kept = [str(number) for number in range(10000)]; del kept[::2]")
                interpreters.destroy(interpreter)
            print("done")
        """
        self.assertEqual(self.run_code(code, launch=True), "done")


@needs_gil
class LateInstall(Base):
    def installed(self, code, **how):
        return self.run_code(code, launch=False, **how)

    def test_old_blocks_are_resized_and_freed_where_they_are_from(self):
        code = """
            import cenote, gc
            texts = [str(number) * 3 for number in range(100_000)]
            lists = [[number] for number in range(10_000)]
            buffer = bytearray(b"x" * 100)
            big = bytearray(1 << 20)
            cenote.install()
            assert cenote.route() == "late"
            for round in range(200):
                for list in lists[::10]: list.append(round)
            buffer.extend(b"y" * 100_000)
            big.extend(b"z" * (40 << 20))
            del big[100:]
            assert [list[0] for list in lists] == [*range(10_000)] and bytes(buffer[:100]) == b"x" * 100
            new = [text + "!" for text in texts]
            del texts, lists, buffer, big
            gc.collect()
            print(new[-1], cenote.getallocatedblocks() >= 100_000)
        """
        self.assertEqual(self.installed(code), "999999999999999! True")

    def test_twice_is_once(self):
        self.assertEqual(self.installed("import cenote; cenote.install(); cenote.install(); print(cenote.route())"), "late")

    def test_after_launching_there_is_nothing_to_do(self):
        code = "import cenote; cenote.install(); print(cenote.route())"
        self.assertEqual(self.run_code(code, launch=True), "preload")

    def test_tracemalloc_before_is_refused_and_after_is_fine(self):
        code = """
            import cenote, tracemalloc
            tracemalloc.start()
            try:
                cenote.install()
            except cenote.InstallError as error:
                print("tracemalloc" in str(error))
            tracemalloc.stop()
            cenote.install()
            kept = [str(number) for number in range(10_000)]
            tracemalloc.start()
            kept += [str(number) for number in range(10_000)]
            tracemalloc.stop()
            del kept
            print(cenote.route())
        """
        self.assertEqual(self.installed(code).split(), ["True", "late"])

    def test_other_hooks_are_refused(self):
        code = """
            import cenote, ctypes
            functions = (ctypes.c_void_p * 5)()
            ctypes.pythonapi.PyMem_GetAllocator(2, functions)
            functions[0] = 1  # pymalloc's functions with a context of their own: a hook, as far as one can see.
            ctypes.pythonapi.PyMem_SetAllocator(2, functions)
            try:
                cenote.install()
            except cenote.InstallError as error:
                print("replaced" in str(error), cenote.route())
        """
        self.assertEqual(self.installed(code), "True None")

    def test_choices_of_another_allocator_are_refused(self):
        code = "import cenote; cenote.install()"
        self.refused("InstallError: PYTHONMALLOC=malloc", "-c", code, environment={"PYTHONMALLOC": "malloc"})
        self.refused("InstallError: -X dev", "-c", code, options=["-X", "dev"])

    def test_threads_go_on(self):
        code = """
            import cenote, threading
            ready, go = threading.Barrier(5), threading.Event()
            sums = []
            def work():
                old = [str(number) for number in range(20_000)]
                ready.wait()
                go.wait()
                new = [text + "!" for text in old]
                del old
                sums.append(sum(map(len, new)))
            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads: thread.start()
            ready.wait()
            cenote.install()
            go.set()
            for thread in threads: thread.join()
            print(len(set(sums)), len(sums))
        """
        self.assertEqual(self.installed(code), "1 4")


@unittest.skipUnless(FREE_THREADED, "this one has the GIL")
class FreeThreaded(Base):
    def test_both_routes_are_refused_with_the_reason(self):
        reason = "this is a free-threaded build of CPython: its garbage collector finds objects by walking its own"
        # The build counts: with the GIL switched on it has the same collector.
        for gil in ("0", "1"):
            with self.subTest(PYTHON_GIL=gil):
                environment = {"PYTHON_GIL": gil}
                self.refused(f"^cenote: {reason}", "-m", "cenote", "-c", "", environment=environment)
                self.refused(f"InstallError: {reason}", "-c", "import cenote; cenote.install()", environment=environment)

    def test_importing_and_asking_does_no_harm(self):
        code = """
            import cenote
            try:
                cenote.install()
            except cenote.InstallError:
                cenote.purge()
                print(cenote.route(), len(cenote.stats()["classes"]) > 0)
        """
        printed = self.run_code(textwrap.dedent(code) + textwrap.dedent(COLLECTS), launch=False)
        self.assertEqual(printed.split(), ["None", "True", "True"])

    def test_the_library_preloaded_by_hand_does_nothing(self):
        code = textwrap.dedent(COLLECTS) + "import cenote; print(cenote.route())"
        environment = {"LD_PRELOAD": str(_library.path())}
        self.assertEqual(self.run_code(code, launch=False, environment=environment).split(), ["True", "None"])

    def test_the_library_itself_refuses(self):
        code = """
            from cenote import InstallError, _library
            _library.check_interpreter = lambda: None
            try:
                _library.install()
            except InstallError as error:
                print(error)
        """
        self.assertIn("free-threaded build", self.run_code(code, launch=False))


@needs_gil
class Reports(Base):
    def test_statistics(self):
        code = """
            import cenote
            kept = [bytes(100) for _ in range(10_000)]
            stats = cenote.stats()
            print(stats["in_use_bytes"] >= 1_000_000, sum(c["used_blocks"] for c in stats["classes"]) >= 10_000)
        """
        self.assertEqual(self.run_code(code, launch=True), "True True")

    def test_purge_gives_memory_back(self):
        code = """
            import cenote
            kept = [bytes(1000) for _ in range(100_000)]
            del kept
            print(cenote.purge() > 0, cenote.stats()["purged_bytes"] > 50_000_000)
        """
        self.assertEqual(self.run_code(code, launch=True, environment={"CENOTE_PURGE": "off"}), "True True")


if __name__ == "__main__":
    unittest.main()
