//! Counting instructions by stepping through them with `ptrace`, for programs that do not run under valgrind.
//!
//! A step costs some microseconds, so this is for few iterations, and only the part between two marks is stepped through.

use cenote_bench::pairs::{MARK, MARKED};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::{io, ptr};

/// The instructions that the `pairs` program at `path` executes between its marks.
///
/// # Errors
/// When the program cannot be started or traced, or does not end with success.
pub fn count(path: &Path, arguments: &[&str]) -> io::Result<u64> {
    let mut command = Command::new(path);
    command.args(arguments).arg(MARKED);
    // SAFETY: between `fork` and `execve` the closure makes one system call and allocates nothing.
    unsafe {
        command.pre_exec(|| ptrace(libc::PTRACE_TRACEME, 0));
    }
    let child = command.spawn()?;
    let pid = child.id() as libc::pid_t;
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
            Some(MARK) => between_marks = !between_marks,
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

/// A request that takes neither address nor data.
fn ptrace(request: libc::c_uint, pid: libc::pid_t) -> io::Result<()> {
    let nothing = ptr::null_mut::<libc::c_void>();
    // SAFETY: requests of this kind read and write no memory of ours.
    match unsafe { libc::ptrace(request, pid, nothing, nothing) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
