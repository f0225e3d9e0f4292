//! The program that every subject is; only its `#[global_allocator]` differs.
//!
//! It runs one workload and prints a [`Report`]. Between the readings before and after the timed pass it allocates
//! nothing of its own.

#[cfg(feature = "check")]
pub mod checked;
mod elsewhere;
mod measure;
#[cfg(feature = "check")]
mod shadow;
mod verdict;

use cenote_bench_protocol::{Group, Job, Report, WorkloadInfo};
use cenote_bench_workloads::timeline::Sampler;
use cenote_bench_workloads::{Outcome, Pass, Setting, Workload};
use measure::{Reading, peak_rss_bytes};
use serde::Serialize;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// A program that is one subject: makes `$value` the global allocator.
#[macro_export]
macro_rules! subject {
    ($type:ty = $value:expr) => {
        #[cfg(not(feature = "check"))]
        #[global_allocator]
        static GLOBAL: $type = $value;

        #[cfg(feature = "check")]
        #[global_allocator]
        static GLOBAL: $crate::checked::Checked<$type> = $crate::checked::Checked::new($value);

        fn main() -> std::process::ExitCode {
            $crate::main()
        }
    };
}

/// Does what the arguments ask; see [`cenote_bench_protocol`].
pub fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let answer = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["list"] => {
            let infos: Vec<WorkloadInfo> = Workload::all().map(Workload::info).collect();
            Ok(line(&infos))
        }
        ["run", job] => parse(job).and_then(|job| run(&job)).map(|report| line(&report)),
        ["input", job] => parse(job).and_then(|job| input(&job)),
        _ => Err("usage: SUBJECT list | SUBJECT run JOB | SUBJECT input JOB".into()),
    };
    let print = |bytes: Vec<u8>| {
        let mut output = std::io::stdout().lock();
        output.write_all(&bytes).and_then(|()| output.flush()).map_err(|error| format!("no output: {error}"))
    };
    match answer.and_then(print) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// `value` as a line of JSON.
fn line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("plain data");
    line.push(b'\n');
    line
}

/// The job that `json` is.
fn parse(json: &str) -> Result<Job, String> {
    serde_json::from_str(json).map_err(|error| format!("not a job: {error}"))
}

/// The workload of `job`, and what its pass may depend on.
///
/// # Errors
/// When there is no such workload, or it cannot be run so.
fn accept(job: &Job) -> Result<(&'static Workload, Setting), String> {
    let workload = Workload::named(&job.workload).ok_or_else(|| format!("there is no workload {:?}", job.workload))?;
    let threads = job.threads.unwrap_or(workload.threads);
    if threads == 0 {
        return Err("a job needs at least one thread".into());
    }
    if !workload.scales && threads != workload.threads {
        return Err(format!("{} does not scale: its number of threads is {}", workload.name, workload.threads));
    }
    if job.divisor == 0 {
        return Err("a job's divisor is at least one".into());
    }
    Ok((workload, Setting { threads, divisor: job.divisor, seed: job.seed }))
}

/// What the workload of `job` is to read.
///
/// # Errors
/// When the job cannot be run.
fn input(job: &Job) -> Result<Vec<u8>, String> {
    let (workload, setting) = accept(job)?;
    #[cfg(feature = "check")]
    checked::stand_aside();
    Ok(workload.input(&setting))
}

/// Runs `job`.
///
/// # Errors
/// When the job cannot be run. That the allocator was found wrong is a report.
fn run(job: &Job) -> Result<Report, String> {
    let (workload, setting) = accept(job)?;
    verdict::listen_to_panics();
    let mut report = Report::default();
    let pass = || workload.pass(&setting, || elsewhere::input(job));
    match catch_unwind(AssertUnwindSafe(|| measured(workload, pass()?, &mut report))) {
        Ok(done) => done?,
        Err(_) => report.wrong = Some(verdict::first_panic()),
    }
    report.peak_rss_bytes = peak_rss_bytes()?;
    Ok(report)
}

/// Warms `workload` up, runs the timed pass.
fn measured(workload: &Workload, mut pass: Pass, report: &mut Report) -> Result<(), String> {
    for _ in 0..workload.warm_up {
        if let Err(wrong) = pass() {
            report.wrong = Some(wrong);
            return Ok(());
        }
    }
    let sampler = match workload.group {
        Group::Memory => Some(Sampler::start().map_err(|error| format!("no memory curve: {error}"))?),
        Group::Micro | Group::Field | Group::Program => None,
    };
    let mut outcome = Ok(0);
    let begun = Reading::take();
    cenote_bench_timed(&mut pass, &mut outcome);
    begun.note_until(Reading::take(), report);
    if let Some(sampler) = sampler {
        (report.points, report.phases) = sampler.finish().map_err(|error| format!("no memory curve: {error}"))?;
    }
    match outcome {
        Ok(answer) => report.answer = answer,
        Err(wrong) => report.wrong = Some(wrong),
    }
    Ok(())
}

/// The timed pass, in a function that callgrind's `--toggle-collect` finds by name.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C-unwind" fn cenote_bench_timed(pass: &mut Pass, outcome: &mut Outcome) {
    *outcome = pass();
}
