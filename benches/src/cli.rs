//! The command line.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Measures memory allocators side by side, each in programs of its own: time, memory, instructions.
///
/// Without arguments: the workloads of all groups with every usual allocator that this machine can build, in at most five
/// minutes after the build. A table is printed, a report with pictures and all samples are written to files.
#[derive(Parser, Debug)]
#[command(version, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub struct Cli {
    /// What to do instead of measuring.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// What to measure, and how.
    #[command(flatten)]
    pub run: Run,
}

/// What the runner does beside measuring.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Name the workloads, and the allocators with how they are got
    List,
    /// Tell what changed between two results, beyond noise
    Compare {
        /// The results to compare with
        before: PathBuf,
        /// The results of the change
        after: PathBuf,
    },
    /// Write the report of results again
    Report {
        /// The results
        results: PathBuf,
        /// Where to; beside the results if not given
        #[arg(long, value_name = "PATH")]
        html: Option<PathBuf>,
    },
    /// Write `benchmarks.md`, or of a run with `--lto` `benchmarks-lto.md`, and its plots from results
    Docs {
        /// The results
        results: PathBuf,
        /// The folder of the documentation
        #[arg(long, value_name = "PATH", default_value = "docs")]
        dir: PathBuf,
    },
}

/// What to measure, and how.
#[derive(Args, Clone, Debug)]
pub struct Run {
    /// An answer in 40 seconds after the build: the representative workloads
    #[arg(long, conflicts_with = "full")]
    pub quick: bool,

    /// The thorough answer: also reference allocators and heavy builds, more repetitions, 1 to 16 threads
    #[arg(long)]
    pub full: bool,

    /// Only these allocators
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub alloc: Vec<String>,

    /// Only these workloads, or those of these groups: micro, field, program, memory
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub work: Vec<String>,

    /// How many threads the workloads have that take any number of them
    #[arg(long, value_name = "NUMBER", value_delimiter = ',', value_parser = whole_number::<usize>)]
    pub threads: Vec<usize>,

    /// How often timed workloads run, less often where far from the best; as often as time allows if not given
    #[arg(long, value_name = "NUMBER", value_parser = whole_number::<u32>)]
    pub reps: Option<u32>,

    /// Divides the work of every workload
    #[arg(long, value_name = "NUMBER", value_parser = whole_number::<u32>)]
    pub divisor: Option<u32>,

    /// The seed of the order of the runs and of the workloads' randomness, which is another in each repetition
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,

    /// When a run counts as hanging, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub timeout: Option<Duration>,

    /// Build the allocators' programs with fat link-time optimisation, where allocators in Rust are inlined
    #[arg(long)]
    pub lto: bool,

    /// Also count instructions, by valgrind
    #[arg(long)]
    pub icount: bool,

    /// Measure nothing: run every workload once with allocators whose every block is checked
    #[arg(long, conflicts_with_all = ["icount", "reps", "json", "html"])]
    pub check: bool,

    /// Where the samples are written to
    #[arg(long, value_name = "PATH")]
    pub json: Option<PathBuf>,

    /// Where the report is written to
    #[arg(long, value_name = "PATH")]
    pub html: Option<PathBuf>,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `--quick`.
    Quick,
    /// No argument.
    Usual,
    /// `--full`.
    Full,
}

impl Run {
    /// How much is measured.
    pub fn mode(&self) -> Mode {
        match (self.quick, self.full) {
            (true, _) => Mode::Quick,
            (_, true) => Mode::Full,
            _ => Mode::Usual,
        }
    }
}

fn whole_number<T: std::str::FromStr + Default + PartialEq>(text: &str) -> Result<T, String> {
    text.parse().ok().filter(|number| *number != T::default()).ok_or("a whole number from 1 is wanted".into())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0.0);
    seconds.and_then(|s| Duration::try_from_secs_f64(s).ok()).ok_or("a number of seconds above 0 is wanted".into())
}
