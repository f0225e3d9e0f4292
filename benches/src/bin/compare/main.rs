//! Compares cenote with its peers: time and peak memory, per workload.
//!
//! A sample is one run of one workload with one allocator. Samples are interleaved: every repetition visits all pairs of
//! workload and allocator in an order of its own, so that what disturbs the machine for a while disturbs all alike, and
//! the table shows medians. All run in this process unless asked otherwise, except rpmalloc, which
//! [cannot](cenote_bench::part).

mod report;

use cenote_bench::allocators::Subject;
use cenote_bench::measure::{Meter, Sample};
use cenote_bench::part::{self, Part};
use cenote_bench::rng::Rng;
use cenote_bench::workloads::Workload;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::process::ExitCode;

/// Compares cenote with its peers, workload by workload.
#[derive(Parser, Debug)]
#[command(version)]
struct Arguments {
    /// Only this workload; may be given several times.
    #[arg(long, value_name = "NAME")]
    work: Vec<Workload>,

    /// Only this allocator; may be given several times.
    #[arg(long, value_name = "NAME")]
    alloc: Vec<Subject>,

    /// How often each workload runs with each allocator.
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..))]
    reps: u32,

    /// Run every sample in a process of its own, after one run to warm up.
    #[arg(long)]
    isolated: bool,

    /// Report peak resident sets instead of times; every sample runs in a process of its own, without warming up.
    #[arg(long, conflicts_with = "isolated")]
    memory: bool,

    /// Also write the samples and the summary to this file.
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,

    /// The seed of the order of the samples.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Name the workloads and the allocators, and end.
    #[arg(long)]
    list: bool,
}

/// The samples of one workload with one allocator.
#[derive(Debug)]
struct Series {
    workload: Workload,
    subject: Subject,
    samples: Vec<Sample>,
}

impl Arguments {
    fn runs_apart(&self, subject: Subject) -> bool {
        self.memory || self.isolated || !subject.shares_process()
    }

    fn sample(&self, workload: Workload, subject: Subject) -> Result<Sample, String> {
        if !self.runs_apart(subject) {
            // As in a process of its own, where idle memory was not given back between the samples of others.
            workload.run_with(subject, Meter::time());
            return Ok(workload.run_with(subject, Meter::time()));
        }
        let part = if self.memory { Part::Memory(workload) } else { Part::Time(workload) };
        part.run_apart(subject, &[])
    }

    fn measure(&self) -> Result<Vec<Series>, String> {
        let workloads = if self.work.is_empty() { Workload::ALL } else { &self.work };
        let subjects = if self.alloc.is_empty() { Subject::ALL } else { &self.alloc };
        let mut series: Vec<Series> = workloads
            .iter()
            .flat_map(|&workload| subjects.iter().map(move |&subject| (workload, subject)))
            .map(|(workload, subject)| Series { workload, subject, samples: Vec::new() })
            .collect();
        let progress = ProgressBar::new(series.len() as u64 * self.reps as u64)
            .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} {eta}").expect("a valid template"));
        let mut order: Vec<usize> = (0..series.len()).collect();
        let mut rng = Rng::new(self.seed);
        for _ in 0..self.reps {
            rng.shuffle(&mut order);
            // Within a repetition the allocators of one workload run close together, in random order.
            order.sort_by_key(|&i| workloads.iter().position(|&workload| workload == series[i].workload));
            for &i in &order {
                let one = &mut series[i];
                progress.set_message(format!("{} {}", one.workload, one.subject));
                match self.sample(one.workload, one.subject) {
                    Ok(sample) => one.samples.push(sample),
                    // A peer that dies in a process of its own is reported, and the rest goes on.
                    Err(problem) if self.runs_apart(one.subject) && one.subject.is_peer() => {
                        progress.suspend(|| eprintln!("compare: {problem}; sample left out"));
                    }
                    Err(problem) => return Err(problem),
                }
                progress.inc(1);
            }
        }
        progress.finish_and_clear();
        series.retain(|one| !one.samples.is_empty());
        check(&series)?;
        Ok(series)
    }
}

/// Every allocator must have led a workload to the same result.
fn check(series: &[Series]) -> Result<(), String> {
    for one in series {
        let expected = series.iter().find(|other| other.workload == one.workload).expect("at least itself");
        if one.samples.iter().any(|sample| sample.checksum != expected.samples[0].checksum) {
            return Err(format!(
                "{} came to another result with {} than with {}",
                one.workload, one.subject, expected.subject
            ));
        }
    }
    Ok(())
}

fn list() {
    println!("workloads:");
    for workload in Workload::ALL {
        println!("  {workload:20} {}", workload.summary());
    }
    println!("allocators:");
    for subject in Subject::ALL {
        println!("  {subject}");
    }
}

fn main() -> ExitCode {
    if part::serve() {
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::parse();
    if arguments.list {
        list();
        return ExitCode::SUCCESS;
    }
    let done = arguments.measure().and_then(|series| {
        let tables = report::tables(&series, arguments.memory);
        for table in &tables {
            println!("{table}\n");
        }
        match &arguments.json {
            Some(path) => report::write_json(path, &series, &tables).map_err(|e| format!("{}: {e}", path.display())),
            None => Ok(()),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("compare: {message}");
            ExitCode::FAILURE
        }
    }
}
