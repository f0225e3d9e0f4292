//! Inputs made by another process, which ends before the clock starts.

use cenote_bench_protocol::Job;
use memmap2::{Mmap, MmapOptions};
use std::fs::File;
use std::os::fd::FromRawFd;
use std::process::{Command, Stdio};

/// What this program prints as `SUBJECT input JOB`: resident, and in no memory of the allocator under test.
///
/// # Errors
/// When the other process, or memory for what it prints, cannot be had.
pub fn input(job: &Job) -> Result<&'static [u8], String> {
    let program = std::env::current_exe().map_err(|error| format!("this program is nowhere: {error}"))?;
    let file = anonymous_file().map_err(|error| format!("no memory for the input: {error}"))?;
    let output = file.try_clone().map_err(|error| format!("no descriptor for the input: {error}"))?;
    let status = Command::new(program)
        .args(["input", &serde_json::to_string(job).expect("plain data")])
        .stdin(Stdio::null())
        .stdout(output)
        .status()
        .map_err(|error| format!("the input cannot be made: {error}"))?;
    if !status.success() {
        return Err(format!("the input was not made: {status}"));
    }
    // SAFETY: nobody else has this file, as the process that wrote it is gone: it stays as it is.
    let map = unsafe { MmapOptions::new().populate().map(&file) };
    let map: &'static Mmap = Box::leak(Box::new(map.map_err(|error| format!("the input cannot be mapped: {error}"))?));
    Ok(map)
}

/// A file in memory that has no name elsewhere.
fn anonymous_file() -> std::io::Result<File> {
    // SAFETY: the name is a string that ends with a null.
    let descriptor = unsafe { libc::memfd_create(c"input".as_ptr(), libc::MFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: it was just opened, and nobody else has it.
    Ok(unsafe { File::from_raw_fd(descriptor) })
}
