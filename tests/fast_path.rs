//! The fast path stays short: its instructions are counted, one by one.
//!
//! Run with `--nocapture` to see the counts.

#![cfg(all(target_os = "linux", target_arch = "x86_64", not(feature = "passthrough")))]

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{io, ptr};

/// Builds the program with `profile` and returns its path.
fn build(profile: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fast-path");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--package", "fast-path", "--profile", profile, "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the program does not build");
    target.join(profile).join("fast-path")
}

/// Instructions of one iteration of `what`: the difference between two runs.
fn per_iteration(program: &Path, what: &str, size: usize) -> u64 {
    const FEW: u64 = 100;
    const MANY: u64 = 600;
    let count = |iterations: u64| {
        let arguments = [what, &iterations.to_string(), &size.to_string()];
        count(program, &arguments).expect("the program can be stepped through")
    };
    (count(MANY) - count(FEW)) / (MANY - FEW)
}

/// Instructions that a pair adds to the loop around it.
fn per_pair(program: &Path, what: &str, size: usize) -> u64 {
    let (with, without) = (per_iteration(program, what, size), per_iteration(program, &format!("{what}-loop"), size));
    println!("{what} of {size} bytes: {with} instructions an iteration, {without} of them the empty loop's");
    with - without
}

#[test]
fn a_box_of_a_constant_size_takes_few_instructions_with_fat_lto() {
    assert!(per_pair(&build("lto"), "box", size_of::<usize>()) <= 14);
}

#[test]
fn a_block_of_any_size_takes_few_instructions_in_the_release_profile() {
    let program = build("release");
    for (size, limit) in [(8, 40), (16, 40), (64, 40), (512, 40), (1024, 40), (4096, 50), (32 << 10, 50)] {
        assert!(per_pair(&program, "alloc", size) <= limit, "{size} bytes");
    }
}

/// The instructions that the program at `path` executes between its marks, stepping through them.
fn count(path: &Path, arguments: &[&str]) -> io::Result<u64> {
    let mut command = Command::new(path);
    command.args(arguments);
    // SAFETY: between `fork` and `execve` the closure makes one system call and allocates nothing.
    unsafe { command.pre_exec(|| ptrace(libc::PTRACE_TRACEME, 0)) };
    let pid = command.spawn()?.id() as libc::pid_t;
    let mut steps = 0;
    let mut between_marks = false;
    loop {
        let mut status = 0;
        // SAFETY: `status` is ours to write, and `pid` is our child, which nobody else waits for.
        if unsafe { libc::waitpid(pid, &mut status, 0) } != pid {
            return Err(io::Error::last_os_error());
        }
        if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 {
            return Ok(steps);
        }
        match libc::WIFSTOPPED(status).then(|| libc::WSTOPSIG(status)) {
            Some(libc::SIGUSR1) => between_marks = !between_marks,
            // After `execve`, and after every step.
            Some(libc::SIGTRAP) => {}
            _ => return Err(io::Error::other("the program did not end well")),
        }
        if between_marks {
            ptrace(libc::PTRACE_SINGLESTEP, pid)?;
            steps += 1;
        } else {
            ptrace(libc::PTRACE_CONT, pid)?;
        }
    }
}

#[cfg(target_env = "gnu")]
type Request = libc::c_uint;
#[cfg(not(target_env = "gnu"))]
type Request = libc::c_int;

/// A request that takes neither address nor data.
fn ptrace(request: Request, pid: libc::pid_t) -> io::Result<()> {
    let nothing = ptr::null_mut::<libc::c_void>();
    // SAFETY: requests of this kind read and write no memory of ours.
    match unsafe { libc::ptrace(request, pid, nothing, nothing) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
