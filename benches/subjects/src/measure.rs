//! What a run costs the process: time, page faults, the peak of the resident set.

use cenote_bench_protocol::Report;
use std::time::Instant;

/// The clocks and counters of the process at some moment.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    wall: Instant,
    cpu_ns: u64,
    minor_faults: u64,
}

impl Reading {
    /// Now. Allocates nothing.
    pub fn take() -> Self {
        Self { wall: Instant::now(), cpu_ns: cpu_ns(), minor_faults: minor_faults() }
    }

    /// Notes in `report` what the process spent from this reading to `end`.
    pub fn note_until(self, end: Self, report: &mut Report) {
        report.wall_ns = (end.wall - self.wall).as_nanos() as u64;
        report.cpu_ns = end.cpu_ns - self.cpu_ns;
        report.minor_faults = end.minor_faults - self.minor_faults;
    }
}

/// CPU time of all threads, also of those that are gone, in nanoseconds.
fn cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is ours to be written.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    assert_eq!(failed, 0, "every process has a CPU clock");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Page faults so far that needed no input or output.
fn minor_faults() -> u64 {
    // SAFETY: plain numbers, for which zeros are values.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is ours to be written.
    let failed = unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    assert_eq!(failed, 0, "every process has its usage");
    usage.ru_minflt as u64
}

/// Peak resident set of this program, in bytes.
///
/// It is the kernel's `VmHWM`. `ru_maxrss` will not do: it survives `exec`, so that a small program has the peak of the
/// large one that started it.
///
/// # Errors
/// When `/proc/self/status` does not say.
pub fn peak_rss_bytes() -> Result<u64, String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|e| format!("/proc/self/status: {e}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    Ok(kib.ok_or("/proc/self/status has no VmHWM in kB")? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_a_block_become_resident() {
        const BYTES: u64 = 64 << 20;
        let begun = Reading::take();
        drop(std::hint::black_box(vec![1_u8; BYTES as usize]));
        let mut report = Report::default();
        begun.note_until(Reading::take(), &mut report);
        assert!(report.wall_ns > 0 && report.cpu_ns > 0 && report.minor_faults > 0, "{report:?}");
        assert!(peak_rss_bytes().expect("a /proc") > BYTES);
    }
}
