//! Clocks, resident set, and the meter a workload reports to.

use serde::{Deserialize, Serialize};
use std::fs;
use std::time::Instant;

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

/// What one run of a workload cost.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Sample {
    /// CPU time of the timed region, all threads, in nanoseconds.
    pub cpu_ns: u64,
    /// Wall-clock time of the timed region, in nanoseconds.
    pub wall_ns: u64,
    /// Peak resident set above the baseline, in bytes; zero when the meter does not look at memory.
    pub peak_rss_bytes: u64,
    /// A sum over what the workload did, equal for every allocator.
    pub checksum: u64,
}

/// Takes a workload's times and its peak memory.
///
/// A workload calls [`ready`](Self::ready) when its own arrays are resident and nothing was taken from the allocator yet,
/// then [`start`](Self::start) and [`stop`](Self::stop) around what is timed.
#[derive(Debug)]
pub struct Meter {
    memory: bool,
    baseline_bytes: u64,
    cpu_start_ns: u64,
    wall_start: Instant,
    sample: Sample,
}

impl Meter {
    /// A meter for times alone.
    pub fn time() -> Self {
        Self::new(false)
    }

    /// A meter that watches the process's peak memory too; for a process that runs this workload and nothing else.
    pub fn memory() -> Self {
        Self::new(true)
    }

    fn new(memory: bool) -> Self {
        Self { memory, baseline_bytes: 0, cpu_start_ns: 0, wall_start: Instant::now(), sample: Sample::default() }
    }

    /// The harness has all it needs; what becomes resident from here on is the allocator's.
    pub fn ready(&mut self) {
        if self.memory {
            reset_peak_rss();
            self.baseline_bytes = peak_rss_bytes();
        }
    }

    /// The timed region begins.
    #[inline]
    pub fn start(&mut self) {
        self.wall_start = Instant::now();
        self.cpu_start_ns = cpu_ns();
    }

    /// The timed region ends.
    #[inline]
    pub fn stop(&mut self) {
        self.sample.cpu_ns = cpu_ns() - self.cpu_start_ns;
        self.sample.wall_ns = self.wall_start.elapsed().as_nanos() as u64;
        if self.memory {
            self.sample.peak_rss_bytes = peak_rss_bytes().saturating_sub(self.baseline_bytes);
        }
    }

    /// The sample, with the workload's checksum.
    pub fn finish(self, checksum: u64) -> Sample {
        Sample { checksum, ..self.sample }
    }
}
