//! What the runner, its subjects (one program for each allocator) and the files of results say to each other.
//!
//! A subject is called as `SUBJECT list`, which prints a JSON array of [`WorkloadInfo`], or as `SUBJECT run JOB` with a
//! [`Job`] as JSON, which runs one workload and prints one [`Report`] as JSON on the last line of standard output. It
//! exits with 0 also when the workload found the allocator wrong: that is an answer ([`Report::wrong`]). Any other exit
//! is a crash. It calls itself as `SUBJECT input JOB`, which prints what the job's workload is to read, as bytes.

use serde::{Deserialize, Serialize};

/// What kind of program a workload is; bars and geometric means are taken for each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// A loop of allocations and little else.
    Micro,
    /// The field's benchmarks, written anew from their descriptions.
    Field,
    /// Real Rust crates doing their work.
    Program,
    /// Programs whose resident set is watched over time; their times are not compared.
    Memory,
}

/// What a workload is, as `list` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadInfo {
    /// The name in arguments, tables and files: words joined by hyphens.
    pub name: String,
    /// Its kind.
    pub group: Group,
    /// What it does, in a line.
    pub about: String,
    /// Whether it is one of the representatives that `--quick` runs.
    pub quick: bool,
    /// Whether it takes a number of threads, and belongs into the scaling curves.
    pub scales: bool,
    /// The threads it runs with when nobody asks for a number.
    pub threads: usize,
}

/// One run of one workload in a fresh process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Which workload.
    pub workload: String,
    /// How many threads; the workload's own number if absent.
    pub threads: Option<usize>,
    /// Divides the work: 1 is the ordinary size, larger numbers make it smaller (instruction counts, tests).
    pub divisor: u32,
    /// Seed of all its randomness.
    pub seed: u64,
}

/// A point of a memory curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Nanoseconds since the timed part began.
    pub at_ns: u64,
    /// Bytes resident.
    pub rss_bytes: u64,
    /// Bytes the workload has in use.
    pub live_bytes: u64,
}

/// The beginning of a phase of a memory workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// What happens in it: `grow`, `free 99 %`, `idle`, ...
    pub name: String,
    /// Nanoseconds since the timed part began.
    pub at_ns: u64,
}

/// What one run cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Wall-clock time of the timed part, in nanoseconds.
    pub wall_ns: u64,
    /// CPU time of the timed part, all threads, user and system, in nanoseconds.
    pub cpu_ns: u64,
    /// Peak resident set of the whole process, in bytes.
    pub peak_rss_bytes: u64,
    /// Page faults of the timed part that needed no input or output.
    pub minor_faults: u64,
    /// The workload's answer: the same for every allocator.
    pub answer: u64,
    /// The memory curve, for workloads of [`Group::Memory`].
    pub points: Vec<Point>,
    /// Its phases.
    pub phases: Vec<Phase>,
    /// What the workload, or the check of every block, found wrong with the allocator.
    pub wrong: Option<String>,
}

/// An allocator of the suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Its name in arguments, tables and files.
    pub name: String,
    /// The version of the crate, or of the C library, it comes from.
    pub version: String,
    /// How it was made to be there, or why it was skipped and how to get it.
    pub note: String,
    /// Whether it was measured.
    pub present: bool,
}

/// One run, and what it cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The allocator's name.
    pub subject: String,
    /// Which repetition; all jobs of a repetition were interleaved in random order.
    pub repetition: u32,
    /// What was run.
    pub job: Job,
    /// What it cost; or how the process died.
    pub result: Result<Report, String>,
}

/// The machine and the circumstances of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Processors that the suite could use.
    pub cpus: usize,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Operating system and kernel.
    pub system: String,
    /// The C library.
    pub libc: String,
    /// The Rust compiler.
    pub rustc: String,
    /// `/sys/kernel/mm/transparent_hugepage/enabled`.
    pub huge_pages: String,
}

/// All that a run of the suite found, as its file of results holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Where.
    pub machine: Machine,
    /// When it began, in seconds since 1970.
    pub begun_unix_s: u64,
    /// How long it took, in seconds.
    pub took_s: f64,
    /// The command that does the run again.
    pub command: String,
    /// The build profile of the subjects.
    pub profile: String,
    /// The allocators, also those that were skipped; cenote first. A name ending in `#2` is the second copy of an
    /// allocator that is compared with itself to see the machine's noise.
    pub subjects: Vec<Subject>,
    /// The workloads that were run.
    pub workloads: Vec<WorkloadInfo>,
    /// All samples, in the order they were taken.
    pub samples: Vec<Sample>,
    /// Instructions of a workload's timed part: (subject, workload, instructions), if they were counted.
    pub instructions: Vec<(String, String, u64)>,
}
