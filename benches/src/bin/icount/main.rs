//! Counts the instructions of a pair of an allocation and a free, with callgrind or, where a program does not run under
//! valgrind (snmalloc's does not), by stepping through it.
//!
//! Each of the tiny `pairs-*` programs runs twice, with different numbers of iterations; the difference divided by the
//! difference in iterations is free of start-up, and of noise. `ci/icount.sh` builds the programs and runs this.

mod singlestep;

use cenote_bench::allocators::Subject;
use cenote_bench::pairs::Step;
use cenote_bench::table;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// How to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counter {
    Callgrind,
    SingleStep,
}

impl Counter {
    /// The two numbers of iterations; the first is enough for an allocator's caches to reach their steady state.
    const fn iterations(self) -> [u64; 2] {
        match self {
            Self::Callgrind => [20_000, 120_000],
            Self::SingleStep => [1_000, 3_000],
        }
    }

    /// The instructions of one run, start-up included.
    fn instructions(self, path: &Path, arguments: &[&str]) -> Result<u64, String> {
        match self {
            Self::Callgrind => callgrind(path, arguments),
            Self::SingleStep => singlestep::count(path, arguments).map_err(|e| format!("{}: {e}", path.display())),
        }
    }
}

/// Counts the instructions of a pair of an allocation and a free.
#[derive(Parser, Debug)]
#[command(version)]
struct Arguments {
    /// The folder of the `pairs-*` programs of the release profile.
    #[arg(long, value_name = "PATH", default_value = "target/release")]
    release: PathBuf,

    /// The folder of those of the `lto` profile.
    #[arg(long, value_name = "PATH", default_value = "target/lto")]
    lto: PathBuf,

    /// Only this allocator; may be given several times.
    #[arg(long, value_name = "NAME")]
    alloc: Vec<Subject>,

    /// Also write the counts to this file.
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
}

/// One row: a loop in a profile.
#[derive(Clone, Copy, Debug)]
struct Loop {
    step: Step,
    size_bytes: usize,
    lto: bool,
}

impl Loop {
    fn all() -> impl Iterator<Item = Self> {
        let boxes = [16, 64, 512].map(|size_bytes| Self { step: Step::Box, size_bytes, lto: true });
        let allocs =
            [16, 64, 512, 1024, 4096, 32768].map(|size_bytes| Self { step: Step::Alloc, size_bytes, lto: false });
        boxes.into_iter().chain(allocs)
    }

    fn name(self) -> String {
        match self.lto {
            true => format!("Box, {} B, lto", self.size_bytes),
            false => format!("alloc, {} B, release", self.size_bytes),
        }
    }

    /// Instructions per iteration of `step` in the program at `path`.
    fn count(self, path: &Path, step: Step, counter: Counter) -> Result<f64, String> {
        let size = self.size_bytes.to_string();
        let [few, many] = counter.iterations();
        let count = |n: u64| counter.instructions(path, &[step.name(), &size, &n.to_string()]);
        Ok((count(many)? - count(few)?) as f64 / (many - few) as f64)
    }
}

fn callgrind(path: &Path, arguments: &[&str]) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(path)
        .args(arguments)
        .output()
        .map_err(|e| format!("valgrind: {e}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{} under valgrind ended with {}:\n{log}", path.display(), output.status));
    }
    let collected = log.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    collected.ok_or_else(|| format!("valgrind counted nothing for {}:\n{log}", path.display()))
}

/// snmalloc reserves more address space than valgrind lets it have.
fn counter(subject: Subject) -> Counter {
    if subject.name() == "snmalloc" { Counter::SingleStep } else { Counter::Callgrind }
}

fn measure(arguments: &Arguments) -> Result<(), String> {
    let subjects = if arguments.alloc.is_empty() { Subject::ALL } else { &arguments.alloc };
    let names = subjects.iter().map(|subject| subject.name());
    let mut table = table::new(["loop"].into_iter().chain(names).chain(["the empty loop"]));
    let mut rows = Vec::new();
    let progress = ProgressBar::new((Loop::all().count() * (subjects.len() + 1)) as u64)
        .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {eta}").expect("a valid template"));
    for row in Loop::all() {
        let program = |subject: Subject| {
            let folder = if row.lto { &arguments.lto } else { &arguments.release };
            folder.join(format!("pairs-{subject}"))
        };
        let empty = row.count(&program(Subject::Cenote), row.step.empty_loop(), Counter::Callgrind)?;
        progress.inc(1);
        let mut cells = vec![row.name()];
        let mut counts = serde_json::Map::new();
        for &subject in subjects {
            let whole = row.count(&program(subject), row.step, counter(subject))?;
            progress.inc(1);
            cells.push(format!("{whole:.1} ({:.1})", whole - empty));
            counts.insert(subject.name().to_string(), whole.into());
        }
        cells.push(format!("{empty:.1}"));
        table.add_row(cells);
        rows.push(serde_json::json!({
            "step": row.step.name(),
            "size_bytes": row.size_bytes,
            "profile": if row.lto { "lto" } else { "release" },
            "instructions": counts,
            "empty_loop": empty,
        }));
    }
    progress.finish_and_clear();
    println!("instructions per allocation and free, the loop included (without the loop)\n\n{table}");
    match &arguments.json {
        Some(path) => std::fs::write(path, format!("{:#}\n", serde_json::Value::from(rows)))
            .map_err(|e| format!("{}: {e}", path.display())),
        None => Ok(()),
    }
}

fn main() -> ExitCode {
    match measure(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("icount: {message}");
            ExitCode::FAILURE
        }
    }
}
