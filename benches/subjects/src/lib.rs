//! The program that every subject is; only its `#[global_allocator]` differs.

use cenote_bench_protocol::{Job, Report};
use cenote_bench_workloads::{Setting, Workload};
use std::process::ExitCode;
use std::time::Instant;

/// Does what the arguments ask; see [`cenote_bench_protocol`].
pub fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["list"] => {
            let infos: Vec<_> = Workload::all().map(Workload::info).collect();
            println!("{}", serde_json::to_string(&infos).expect("plain data"));
            ExitCode::SUCCESS
        }
        ["run", job] => match serde_json::from_str(job).map_err(|e| e.to_string()).and_then(|job| run(&job)) {
            Ok(report) => {
                println!("{}", serde_json::to_string(&report).expect("plain data"));
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("usage: SUBJECT list | SUBJECT run JOB");
            ExitCode::FAILURE
        }
    }
}

fn run(job: &Job) -> Result<Report, String> {
    let workload = Workload::named(&job.workload).ok_or_else(|| format!("no workload {}", job.workload))?;
    let setting =
        Setting { threads: job.threads.unwrap_or(workload.threads), divisor: job.divisor.max(1), seed: job.seed };
    let mut pass = (workload.prepare)(&setting);
    let mut report = Report::default();
    for _ in 0..workload.warm_up {
        pass()?;
    }
    let begun = Instant::now();
    match pass() {
        Ok(answer) => report.answer = answer,
        Err(wrong) => report.wrong = Some(wrong),
    }
    report.wall_ns = begun.elapsed().as_nanos() as u64;
    Ok(report)
}

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
