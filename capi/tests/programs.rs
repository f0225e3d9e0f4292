//! C and C++ programs over libcenote, as it is installed: linked, preloaded, linked statically, under Valgrind, with the
//! environment that glibc's malloc listens to.
//!
//! Needs a C and a C++ compiler; where there is none, says so and tests nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// What libcenote is installed as.
fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let prefix = scratch().join("usr");
        let mut install = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh"));
        succeed(install.arg("--prefix").arg(&prefix));
        prefix
    })
}

fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(name)
}

fn library() -> PathBuf {
    prefix().join("lib/libcenote.so")
}

/// Runs a command, which must end well.
fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{stderr}", output.status);
    output
}

/// Whether there is such a command; says so if not.
fn have(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        println!("skipped: there is no `{tool}`");
    }
    found
}

/// How a program gets its `malloc`.
#[derive(Clone, Copy, PartialEq, Debug)]
enum By {
    Link,
    Preload,
    Static,
}

/// Compiles a program. None if there is no compiler.
fn compile(name: &str, by: By) -> Option<PathBuf> {
    let cpp = name.ends_with(".cpp");
    compile_as(name, if cpp { "c++" } else { "cc" }, by)
}

fn compile_as(name: &str, compiler: &str, by: By) -> Option<PathBuf> {
    if !have(compiler) {
        return None;
    }
    let program = scratch().join(format!("{name}-{compiler}-{by:?}"));
    let mut command = Command::new(compiler);
    let language: &[&str] = if compiler == "c++" { &["-std=c++17", "-x", "c++"] } else { &["-std=gnu11", "-x", "c"] };
    command.args(["-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fno-builtin", "-pthread", "-rdynamic"]).args(language);
    // The warnings are about the very misuse and the very requests that are tested.
    command.args(["-Wno-use-after-free", "-Wno-alloc-size-larger-than", "-Wno-free-nonheap-object"]);
    command.arg(source(name)).args(["-x", "none", "-I"]).arg(prefix().join("include")).arg("-o").arg(&program);
    let lib = prefix().join("lib");
    match by {
        By::Link => command.arg("-L").arg(&lib).arg("-lcenote").arg(format!("-Wl,-rpath,{}", lib.display())),
        By::Preload => &mut command,
        By::Static => command.args(["-static", "-DSTATIC"]).arg(lib.join("libcenote.a")),
    };
    succeed(&mut command);
    Some(program)
}

/// The command that runs a program that was compiled so.
fn run(program: &Path, by: By) -> Command {
    let mut command = Command::new(program);
    if by == By::Preload {
        command.env("LD_PRELOAD", library());
    }
    command
}

fn assert_ok(output: &Output) {
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\n");
}

/// Runs a program in each of the ways.
fn in_all_ways(name: &str) {
    for by in [By::Link, By::Preload, By::Static] {
        let Some(program) = compile(name, by) else { return };
        assert_ok(&succeed(&mut run(&program, by)));
        if by == By::Link && have("valgrind") {
            assert_ok(&succeed(Command::new("valgrind").args(["--quiet", "--tool=none"]).arg(&program)));
        }
        if by == By::Preload {
            let mut command = run(&program, by);
            command.envs([("MALLOC_CHECK_", "3"), ("MALLOC_PERTURB_", "165"), ("MALLOC_ARENA_MAX", "1")]);
            assert_ok(&succeed(command.env("MALLOC_TOP_PAD_", "0").env("GLIBC_TUNABLES", "glibc.malloc.check=3")));
            assert_ok(&succeed(run(&program, by).env("CENOTE_VERIFY", "1").env("CENOTE_PURGE", "inline")));
        }
    }
}

#[test]
fn the_malloc_family_conforms() {
    in_all_ways("conformance.c");
}

#[test]
fn the_operators_conform() {
    in_all_ways("operators.cpp");
}

#[test]
fn blocks_live_before_main_and_after_it_past_threads_and_forks() {
    in_all_ways("lifetimes.c");
}

#[test]
fn blocks_of_the_c_library_are_passed_on() {
    for by in [By::Link, By::Preload] {
        let Some(program) = compile("foreign.c", by) else { return };
        assert_ok(&succeed(&mut run(&program, by)));
    }
}

#[test]
fn what_start_up_calls_may_allocate() {
    for by in [By::Link, By::Preload] {
        let Some(program) = compile("startup.c", by) else { return };
        assert_ok(&succeed(&mut run(&program, by)));
    }
}

#[test]
fn a_sandbox_with_mmap_is_enough() {
    for by in [By::Link, By::Preload, By::Static] {
        let Some(program) = compile("sandbox.c", by) else { return };
        assert_ok(&succeed(&mut run(&program, by)));
    }
}

#[test]
fn options_are_not_for_set_user_id_programs() {
    let Some(program) = compile("options.c", By::Static) else { return };
    let stderr = || {
        let output = succeed(run(&program, By::Static).env("CENOTE_STATS", "1").env("CENOTE_PURGE", "nonsense"));
        assert_ok(&output);
        String::from_utf8(output.stderr).expect("reports are text")
    };
    let reports = stderr();
    assert!(reports.contains("`nonsense` is not") && reports.contains("bytes in use"), "{reports}");
    // Somebody other than who runs it; only the superuser may give files away.
    const SOMEBODY: u32 = 65534;
    if std::os::unix::fs::chown(&program, Some(SOMEBODY), None).is_err() {
        println!("skipped: not the superuser");
        return;
    }
    let set_user_id = std::os::unix::fs::PermissionsExt::from_mode(0o4755);
    std::fs::set_permissions(&program, set_user_id).expect("the program is ours");
    assert_eq!(stderr(), "");
}

#[test]
fn the_library_may_be_loaded_late_and_closed() {
    let Some(program) = compile("late.c", By::Preload) else { return };
    assert_ok(&succeed(Command::new(program).arg(library())));
}

#[test]
fn the_header_works_in_c_and_in_cpp() {
    for compiler in ["cc", "c++"] {
        for by in [By::Link, By::Static] {
            let Some(program) = compile_as("native.c", compiler, by) else { return };
            assert_ok(&succeed(&mut run(&program, by)));
        }
    }
}

#[test]
fn misuse_ends_the_program_with_its_line() {
    let Some(program) = compile("double_free.c", By::Preload) else { return };
    let output = run(&program, By::Preload).output().expect("the program runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(stderr.starts_with("cenote: double free of 0x") && stderr.lines().count() == 1, "{stderr}");
}

/// The names that a command prints and `pick` finds in its lines, in order.
fn names(command: &mut Command, pick: impl Fn(&str) -> Option<&str>) -> Vec<String> {
    let output = succeed(command);
    let text = String::from_utf8(output.stdout).expect("names are text");
    let mut names: Vec<_> = text.lines().filter_map(pick).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn the_header_declares_what_the_library_defines() {
    if !have("nm") || !have("cc") {
        return;
    }
    let ours = |name: &&str| name.starts_with("cenote_");
    let defined = names(Command::new("nm").args(["-D", "--defined-only"]).arg(library()), |line| {
        line.split_whitespace().last().filter(ours)
    });
    // As the compiler reads it, comments gone: names before an opening parenthesis.
    let header = prefix().join("include/cenote.h");
    let declared = names(Command::new("cc").args(["-E", "-P"]).arg(header), |line| {
        line.split_once('(').and_then(|(before, _)| {
            let line =
                line.strip_prefix("__attribute__").map_or(before, |rest| rest.split(") ").nth(1).unwrap_or(rest));
            line.split('(').next()?.split([' ', '*']).next_back().filter(ours)
        })
    });
    assert_eq!(defined, declared);
}

#[test]
fn thread_local_memory_is_reached_without_a_call() {
    if !have("readelf") || !have("objdump") {
        return;
    }
    let flags = succeed(Command::new("readelf").arg("-d").arg(library()));
    let flags = String::from_utf8_lossy(&flags.stdout);
    for flag in ["STATIC_TLS", "NODELETE", "libcenote.so.0"] {
        assert!(flags.contains(flag), "{flag} in {flags}");
    }
    let code = succeed(Command::new("objdump").args(["-d", "--no-show-raw-insn"]).arg(library()));
    let code = String::from_utf8_lossy(&code.stdout);
    // Several names of one function share a place, of which objdump shows one.
    for names in [&["malloc", "cenote_malloc"][..], &["free", "cfree", "cenote_free", "_ZdlPv", "_ZdaPv"]] {
        let body = names.iter().find_map(|name| code.split_once(&format!("<{name}>:\n")));
        let (body, _) = body.and_then(|(_, rest)| rest.split_once("\n\n")).expect("the function is there");
        assert!(!body.contains("call"), "{body}");
    }
}

#[test]
fn pkg_config_finds_the_library() {
    if !have("pkg-config") {
        return;
    }
    let mut command = Command::new("pkg-config");
    command.env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig")).args(["--libs", "--cflags", "cenote"]);
    let found = succeed(&mut command);
    let lib = prefix().join("lib");
    assert!(String::from_utf8_lossy(&found.stdout).contains(&format!("-L{} -lcenote", lib.display())));
}
