//! The measuring itself: memory curves side by side, then timed runs one by one while there is time.

use crate::child;
use crate::cli::{Mode, Run};
use crate::interrupt::Interrupt;
use crate::machine;
use crate::pool;
use crate::schedule::{Ran, Repetitions, Schedule, Visit};
use crate::selection;
use crate::statistics::verdict;
use cenote_bench_protocol::{Group, Job, Sample, WorkloadInfo};
use indicatif::{ProgressBar, ProgressStyle};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Memory that a run of a memory workload is taken to need, so that those side by side fit into the machine.
const CURVE_BYTES: u64 = 1 << 30;

/// Memory that a timed run is taken to need as long as none of its kind has run.
const RUN_BYTES: u64 = 256 << 20;

/// Memory that a process may need beyond its peak resident set: page tables, and a few pages more than last time.
const BESIDE_BYTES: u64 = 16 << 20;

/// Memory workloads mostly wait, so that more of them run at once than there are processors.
const CURVES_PER_CPU: usize = 2;

/// The share of the budget that memory curves may take: one in so many parts.
const CURVE_SHARE: u32 = 3;

/// More repetitions of memory curves than this tell nothing more: they differ by a percent or so.
const MOST_CURVES: u32 = 3;

/// More repetitions than this tell nothing more.
const MOST_REPETITIONS: u32 = 30;

/// How much a mode runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// How often timed workloads run.
    pub repetitions: Repetitions,
    /// With fewer repetitions than this, a run warns.
    pub wanted: u32,
    /// How often memory workloads run.
    pub curves: u32,
    /// Divides all work.
    pub divisor: u32,
    /// When a run counts as hanging.
    pub timeout: Duration,
}

impl Effort {
    /// What `run` asks for.
    pub fn new(run: &Run) -> Self {
        let (budget_s, wanted, curves, divisor, timeout_s) = match run.mode() {
            Mode::Quick => (Some(33), 3, 1, 2, 10),
            Mode::Usual => (Some(285), 5, 1, 1, 30),
            Mode::Full => (None, 15, MOST_CURVES, 1, 30),
        };
        let repetitions = match (run.reps, budget_s) {
            (Some(count), _) => Repetitions::Exactly(count),
            (None, Some(seconds)) => Repetitions::Within(Duration::from_secs(seconds)),
            (None, None) => Repetitions::Exactly(wanted),
        };
        Self {
            repetitions,
            wanted: run.reps.unwrap_or(wanted),
            curves: run.reps.map_or(curves, |reps| reps.min(MOST_CURVES)),
            divisor: run.divisor.unwrap_or(divisor),
            timeout: run.timeout.unwrap_or(Duration::from_secs(timeout_s)),
        }
    }

    /// How long measuring may take; none is as long as it takes.
    fn budget(&self) -> Option<Duration> {
        match self.repetitions {
            Repetitions::Within(budget) => Some(budget),
            Repetitions::Exactly(_) => None,
        }
    }
}

/// An allocator that takes part.
#[derive(Clone, Debug)]
pub struct Contender {
    /// Its name in results.
    pub name: String,
    /// Its program.
    pub program: PathBuf,
}

/// A workload with a number of threads.
#[derive(Clone, Debug)]
struct Block {
    workload: WorkloadInfo,
    threads: Option<usize>,
    /// The largest peak resident set of its runs so far, in bytes.
    peak_bytes: Option<u64>,
}

/// What a session found.
#[derive(Debug, Default)]
pub struct Found {
    /// Every run, in the order of their ends.
    pub samples: Vec<Sample>,
    /// What the user is to know about the run.
    pub warnings: Vec<String>,
    /// Allocators that were given up, and why.
    pub given_up: Vec<(String, String)>,
}

/// A session.
#[derive(Debug)]
pub struct Session<'a> {
    contenders: &'a [Contender],
    effort: Effort,
    seed: u64,
    interrupt: &'a Interrupt,
    begun: Instant,
    found: Found,
}

impl<'a> Session<'a> {
    /// A session whose time begins now.
    pub fn new(contenders: &'a [Contender], effort: Effort, seed: u64, interrupt: &'a Interrupt) -> Self {
        Self { contenders, effort, seed, interrupt, begun: Instant::now(), found: Found::default() }
    }

    /// Runs `workloads` as `run` asks.
    pub fn measure(mut self, workloads: &[WorkloadInfo], run: &Run) -> Found {
        let (curves, timed): (Vec<_>, Vec<_>) =
            workloads.iter().cloned().partition(|workload| workload.group == Group::Memory);
        self.curves(curves);
        let blocks: Vec<Block> = timed
            .into_iter()
            .flat_map(|workload| {
                let settings = selection::threads(&workload, run);
                settings.into_iter().map(move |threads| Block { workload: workload.clone(), threads, peak_bytes: None })
            })
            .collect();
        // A curve's points lie far from each other; who asks for a number of threads wants that one.
        let seldom = blocks.iter().map(|block| block.threads.is_some() && run.threads.is_empty()).collect();
        self.repeat(blocks, seldom);
        if self.interrupt.is_set() {
            self.found.warnings.push("the run was interrupted: only what was finished is shown".into());
        }
        self.found
    }

    /// What is run in a repetition. Each has data of its own: sizes that lie just above or below what an allocator or a buffer
    /// steps by would else decide a row.
    fn job(&self, workload: &WorkloadInfo, threads: Option<usize>, repetition: u32) -> Job {
        let seed = self.seed.wrapping_add(u64::from(repetition));
        Job { workload: workload.name.clone(), threads, divisor: self.effort.divisor, seed }
    }

    /// The memory curves. Nothing is timed in them, so several run at once.
    fn curves(&mut self, mut workloads: Vec<WorkloadInfo>) {
        // What two copies of a program differ by is seen in the timed runs.
        let contenders: Vec<&Contender> =
            self.contenders.iter().filter(|one| verdict::original(&one.name) == one.name).collect();
        let at_once = (machine::cpus() * CURVES_PER_CPU)
            .min((machine::available_memory_bytes() / CURVE_BYTES) as usize)
            .min(contenders.len());
        let mut rng = StdRng::seed_from_u64(self.seed);
        workloads.shuffle(&mut rng);
        let share = self.effort.budget().map(|budget| budget / CURVE_SHARE);
        let progress = bar((workloads.len() * self.effort.curves as usize * contenders.len()) as u64);
        let (mut left_out, mut longest) = (Vec::new(), Duration::ZERO);
        for workload in workloads {
            let begun = Instant::now();
            if share.is_some_and(|share| self.begun.elapsed() + longest > share) {
                left_out.push(workload.name);
                continue;
            }
            let job = self.job(&workload, None, 0);
            let mut runs: Vec<(u32, &Contender)> = (0..self.effort.curves)
                .flat_map(|repetition| contenders.iter().map(move |&contender| (repetition, contender)))
                .collect();
            runs.shuffle(&mut rng);
            let samples = pool::side_by_side(at_once, runs, |(repetition, Contender { name, program })| {
                if self.interrupt.is_set() {
                    return None;
                }
                progress.set_message(format!("memory over time: {} {name}", job.workload));
                let result = child::run(program, &job, self.effort.timeout);
                progress.inc(1);
                Some(Sample { subject: name.clone(), repetition, job: job.clone(), result })
            });
            self.found.samples.extend(samples.into_iter().flatten());
            longest = longest.max(begun.elapsed());
        }
        progress.finish_and_clear();
        if !left_out.is_empty() {
            let names = left_out.join(", ");
            self.found.warnings.push(format!("no time was left for the memory curves of {names}; --full has them"));
        }
    }

    /// The timed runs, nothing beside them, of some blocks `seldom`.
    fn repeat(&mut self, mut blocks: Vec<Block>, seldom: Vec<bool>) {
        /// Parts of a repetition that are shown: not all have the same runs.
        const PARTS: u64 = 100;
        let Effort { repetitions, wanted, .. } = self.effort;
        let mut schedule = Schedule::new(seldom, self.contenders.len(), repetitions, self.seed);
        let progress = match repetitions {
            Repetitions::Within(budget) => bar(budget.as_secs()),
            Repetitions::Exactly(count) => bar(u64::from(count) * PARTS),
        };
        let (mut complete, mut reached, mut is_over) = (0, 0, false);
        // Nothing is known of a workload that has not run; it is taken to be as long as the one before.
        let mut last = Duration::ZERO;
        'all: while let Some(visits) = schedule.next_repetition() {
            for (i, visit) in visits.iter().enumerate() {
                let expected = if complete == 0 { last } else { schedule.estimate(visit) };
                is_over = self.is_over(expected);
                if is_over || self.interrupt.is_set() {
                    break 'all;
                }
                let begun = Instant::now();
                self.visit(visit, &mut blocks[visit.block], complete, &mut schedule, &progress);
                last = begun.elapsed();
                reached = blocks.len().min(reached + 1);
                progress.set_position(match repetitions {
                    Repetitions::Within(_) => self.begun.elapsed().as_secs(),
                    Repetitions::Exactly(_) => {
                        u64::from(complete) * PARTS + (i as u64 + 1) * PARTS / visits.len() as u64
                    }
                });
            }
            complete += 1;
            if progress.is_hidden() {
                eprintln!("{complete} repetitions after {} s", self.begun.elapsed().as_secs());
            }
            if complete == MOST_REPETITIONS && self.effort.budget().is_some() {
                break;
            }
        }
        progress.finish_and_clear();
        if is_over && complete < wanted {
            self.found.warnings.push(too_little_time(complete, wanted, blocks.len() - reached));
        }
    }

    fn is_over(&self, next: Duration) -> bool {
        self.effort.budget().is_some_and(|budget| self.begun.elapsed() + next > budget)
    }

    fn visit(
        &mut self,
        visit: &Visit,
        block: &mut Block,
        repetition: u32,
        schedule: &mut Schedule,
        progress: &ProgressBar,
    ) {
        let job = self.job(&block.workload, block.threads, repetition);
        let mut runs = Vec::new();
        for &subject in &visit.subjects {
            let pair = (visit.block, subject);
            if self.interrupt.is_set() || !schedule.is_sound(pair) {
                continue;
            }
            let Contender { name, program } = &self.contenders[subject];
            progress.set_message(format!("repetition {}: {} {name}", repetition + 1, job.workload));
            let begun = Instant::now();
            machine::make_memory_real(block.peak_bytes.map_or(RUN_BYTES, |peak| peak + BESIDE_BYTES));
            let result = child::run(program, &job, self.effort.timeout);
            match &result {
                Ok(report) => {
                    block.peak_bytes = block.peak_bytes.max(Some(report.peak_rss_bytes));
                    let timed = Duration::from_nanos(report.wall_ns);
                    runs.push(Ran { subject, took: begun.elapsed(), timed });
                }
                Err(death) => {
                    if schedule.died(pair) {
                        let why = format!("given up after several runs died, the last in {}: {death}", job.workload);
                        self.found.warnings.push(format!("{name} was {why}"));
                        self.found.given_up.push((name.clone(), why));
                    }
                }
            }
            self.found.samples.push(Sample { subject: name.clone(), repetition, job: job.clone(), result });
        }
        schedule.visited(visit.block, &runs);
    }
}

fn too_little_time(complete: u32, wanted: u32, missed: usize) -> String {
    let what = match complete {
        0 => format!("time was over before {missed} workloads had run at all"),
        _ => format!("only {complete} repetitions fit into the time, {wanted} are wanted"),
    };
    format!("{what}: trust wide gaps only, or name fewer workloads, or give --reps {wanted}")
}

/// A bar of so many runs, or seconds.
pub fn bar(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} % {elapsed} {wide_msg}").expect("a valid template");
    ProgressBar::new(length).with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    fn run(arguments: &[&str]) -> Run {
        Cli::try_parse_from(["cenote-bench"].iter().chain(arguments)).unwrap().run
    }

    #[test]
    fn the_modes_keep_their_promises() {
        let second = Duration::from_secs(1);
        assert!(Effort::new(&run(&["--quick"])).budget().unwrap() < 40 * second);
        assert!(Effort::new(&run(&[])).budget().unwrap() < 300 * second);
        assert_eq!(Effort::new(&run(&["--full"])).budget(), None);
        assert_eq!(Effort::new(&run(&["--quick", "--reps", "7"])).repetitions, Repetitions::Exactly(7));
        assert_eq!(Effort::new(&run(&["--timeout", "2"])).timeout, 2 * second);
        assert_eq!(Effort::new(&run(&["--divisor", "50"])).divisor, 50);
    }

    /// A subject whose behaviour is a script.
    fn contender(folder: &std::path::Path, name: &str, script: &str) -> Contender {
        let program = folder.join(name);
        // Another process writes it: were it open for writing here while another test forks, it could not be run.
        let writer = r#"printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod +x "$1""#;
        let status = std::process::Command::new("sh").args(["-c", writer, "sh"]).arg(&program).arg(script).status();
        assert!(status.unwrap().success());
        Contender { name: name.into(), program }
    }

    fn workload(name: &str, group: Group) -> WorkloadInfo {
        WorkloadInfo { name: name.into(), group, about: String::new(), quick: true, scales: false, threads: 1 }
    }

    #[test]
    fn a_budget_is_kept_and_what_did_not_fit_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let report = serde_json::to_string(&cenote_bench_protocol::Report::default()).unwrap();
        let contenders = [contender(folder.path(), "good", &format!("echo '{report}'"))];
        let workloads: Vec<_> = ["a", "b", "c"].map(|name| workload(name, Group::Micro)).into();
        let run = run(&[]);
        let measure = |budget| {
            let effort = Effort { repetitions: Repetitions::Within(budget), wanted: 3, ..Effort::new(&run) };
            Session::new(&contenders, effort, run.seed, &Interrupt::default()).measure(&workloads, &run)
        };
        let found = measure(Duration::ZERO);
        assert!(found.samples.is_empty());
        assert!(found.warnings[0].starts_with("time was over before 3 workloads"), "{:?}", found.warnings);
        let found = measure(Duration::from_secs(3600));
        assert_eq!(found.samples.len(), 3 * MOST_REPETITIONS as usize);
        assert!(found.warnings.is_empty());
    }

    #[test]
    fn every_run_is_a_sample_also_the_one_that_dies() {
        let folder = tempfile::tempdir().unwrap();
        let report = serde_json::to_string(&cenote_bench_protocol::Report::default()).unwrap();
        let contenders = [
            contender(folder.path(), "good", &format!("echo '{report}'")),
            contender(folder.path(), "bad", "echo overlap >&2; exit 7"),
        ];
        let run = run(&["--reps", "3", "--divisor", "9", "--seed", "5"]);
        let workloads = ["a", "b", "c", "d"].map(|name| workload(name, Group::Micro));
        let memory = [workload("curve", Group::Memory)];
        let interrupt = Interrupt::default();
        let found = Session::new(&contenders, Effort::new(&run), run.seed, &interrupt)
            .measure(&[&workloads[..], &memory].concat(), &run);
        let of = |subject: &str, workload: &str| {
            found.samples.iter().filter(|s| s.subject == subject && s.job.workload == workload).collect::<Vec<_>>()
        };
        for workload in ["a", "b", "c", "d", "curve"] {
            let samples = of("good", workload);
            assert_eq!(samples.len(), 3, "{workload}");
            assert!(samples.iter().all(|sample| sample.result.is_ok()));
            assert!(samples.iter().all(|sample| sample.job.divisor == 9));
            let seeds: Vec<_> = samples.iter().map(|sample| sample.job.seed).collect();
            assert_eq!(seeds, if workload == "curve" { [5, 5, 5] } else { [5, 6, 7] }, "{workload}");
        }
        let died: Vec<_> = found.samples.iter().filter(|s| s.subject == "bad" && s.job.workload != "curve").collect();
        assert_eq!(died.len(), 3, "given up after the third");
        assert!(died.iter().all(|sample| sample.result.as_ref().unwrap_err() == "exit status: 7: overlap"));
        assert_eq!(found.given_up.len(), 1);
        assert!(found.warnings[0].starts_with("bad was given up"), "{:?}", found.warnings);
    }
}
