//! Checked runs: every workload once with allocators whose every block is checked, nothing timed.

use crate::child;
use crate::machine;
use crate::pool;
use crate::session::{Contender, bar};
use cenote_bench_protocol::{Job, Sample, WorkloadInfo};
use std::time::Duration;

/// A checked allocator is many times slower, so the work is made smaller unless asked otherwise.
pub const DIVISOR: u32 = 10;

/// How many times longer than usual a run may take.
const PATIENCE: u32 = 4;

/// Runs every workload with every allocator, once.
pub fn run(
    contenders: &[Contender],
    workloads: &[WorkloadInfo],
    divisor: u32,
    seed: u64,
    timeout: Duration,
) -> Vec<Sample> {
    let runs: Vec<_> =
        workloads.iter().flat_map(|workload| contenders.iter().map(move |one| (one, workload))).collect();
    let progress = bar(runs.len() as u64);
    let samples = pool::side_by_side(machine::cpus(), runs, |(one, workload)| {
        progress.set_message(format!("checking {} {}", workload.name, one.name));
        let job = Job { workload: workload.name.clone(), threads: None, divisor, seed };
        let result = child::run(&one.program, &job, timeout * PATIENCE);
        progress.inc(1);
        Sample { subject: one.name.clone(), repetition: 0, job, result }
    });
    progress.finish_and_clear();
    samples
}

#[cfg(test)]
mod tests {
    use super::*;
    use cenote_bench_protocol::Group;

    #[test]
    fn every_pair_is_run_once_and_a_death_is_kept() {
        let contenders = ["a", "b"].map(|name| Contender { name: name.into(), program: "/nowhere/subject".into() });
        let workloads = ["w", "v", "u"].map(|name| WorkloadInfo {
            name: name.into(),
            group: Group::Micro,
            about: String::new(),
            quick: false,
            scales: false,
            threads: 1,
        });
        let samples = run(&contenders, &workloads, 7, 1, Duration::from_secs(1));
        assert_eq!(samples.len(), 6);
        assert!(samples.iter().all(|sample| sample.job.divisor == 7 && sample.result.is_err()));
    }
}
