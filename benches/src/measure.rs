//! The CPU clock and the resident set.

use std::fs;

/// CPU time this process has used so far, in nanoseconds: all threads, user and system.
pub fn cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is ours to write.
    let rc = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(rc, 0, "no CPU clock");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// A field of a `/proc/self` file whose lines read `Name:  number kB`, in bytes.
fn proc_field(file: &str, field: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{file}: {e}"));
    let kib = text.lines().find_map(|line| {
        line.strip_prefix(field)?.strip_prefix(':')?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    });
    kib.unwrap_or_else(|| panic!("no {field} in {file}")) * 1024
}

/// Bytes resident now, exactly (`status` may lag by some pages per thread).
pub fn rss_bytes() -> u64 {
    proc_field("/proc/self/smaps_rollup", "Rss")
}

/// Bytes of memory that no file backs and that are resident now.
pub fn anonymous_bytes() -> u64 {
    proc_field("/proc/self/smaps_rollup", "Anonymous")
}

/// The most bytes that were resident at once since the last [`reset_peak_rss`].
pub fn peak_rss_bytes() -> u64 {
    proc_field("/proc/self/status", "VmHWM")
}

/// Lets the peak start again from what is resident now.
pub fn reset_peak_rss() {
    // Where the kernel does not offer it the peak of the start-up stays in; the baseline then holds it as well.
    let _ = fs::write("/proc/self/clear_refs", "5");
}
