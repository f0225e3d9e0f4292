//! Counting instructions with valgrind's callgrind.
//!
//! Only the timed part counts: subjects run it in a function of a known name, and callgrind collects between its entry and
//! its return. It collects so on the thread that enters, so workloads of one thread alone are counted.

use crate::child;
use crate::machine;
use crate::pool;
use crate::session::{Contender, bar};
use crate::subjects::Peer;
use anyhow::{Context, Result};
use cenote_bench_protocol::{Group, Job, WorkloadInfo};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The function in which a subject runs the timed part.
const TIMED: &str = "cenote_bench_timed";

/// Valgrind is some fifty times slower than the processor, so the work is made smaller.
const DIVISOR: u32 = 20;

/// How many times longer than usual a run may take.
const PATIENCE: u32 = 4;

/// What was counted.
#[derive(Debug, Default)]
pub struct Counts {
    /// Allocator, workload, instructions.
    pub instructions: Vec<(String, String, u64)>,
    /// What could not be counted, and why.
    pub warnings: Vec<String>,
}

/// Counts the instructions of every allocator in every workload of one thread.
///
/// # Errors
/// When there is no valgrind.
pub fn count(contenders: &[Contender], workloads: &[WorkloadInfo], seed: u64, timeout: Duration) -> Result<Counts> {
    let valgrind = which::which("valgrind")
        .context("--icount: there is no valgrind here (Debian: apt install valgrind); nothing is counted")?;
    let (able, unable): (Vec<_>, Vec<_>) =
        contenders.iter().partition(|one| Peer::named(&one.name).is_none_or(|peer| peer.valgrind));
    let mut counts = Counts::default();
    for one in unable {
        counts.warnings.push(format!("--icount: {} does not run under valgrind", one.name));
    }
    let countable = workloads.iter().filter(|workload| workload.group != Group::Memory && workload.threads == 1);
    let runs: Vec<_> = countable.flat_map(|workload| able.iter().map(move |&one| (one, workload))).collect();
    let progress = bar(runs.len() as u64);
    // Counts do not depend on what runs beside them.
    let counted = pool::side_by_side(machine::cpus(), runs, |(one, workload)| {
        progress.set_message(format!("instructions: {} {}", workload.name, one.name));
        let job = Job { workload: workload.name.clone(), threads: None, divisor: DIVISOR, seed };
        let counted = instructions(&valgrind, &one.program, &job, timeout * PATIENCE);
        progress.inc(1);
        (one.name.clone(), workload.name.clone(), counted)
    });
    for (subject, workload, counted) in counted {
        match counted {
            Ok(count) => counts.instructions.push((subject, workload, count)),
            Err(why) => counts.warnings.push(format!("--icount: {subject} {workload}: {why}")),
        }
    }
    progress.finish_and_clear();
    counts.instructions.sort();
    Ok(counts)
}

fn instructions(valgrind: &Path, program: &Path, job: &Job, timeout: Duration) -> Result<u64, String> {
    let mut command = Command::new(valgrind);
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(format!("--toggle-collect={TIMED}"));
    command.arg(program).arg("run").arg(serde_json::to_string(job).expect("plain data"));
    let ended = child::run_to_end(&mut command, timeout)?;
    if !ended.status.success() {
        return Err(ended.death());
    }
    collected(&ended.stderr).ok_or_else(|| "callgrind counted nothing".into())
}

/// What callgrind's log says it collected.
fn collected(log: &str) -> Option<u64> {
    let count = log.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    count.filter(|&count| count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_the_log() {
        assert_eq!(collected("==7== Events    : Ir\n==7== Collected : 123456\n"), Some(123_456));
        assert_eq!(collected("==7== Collected : 0\n"), None);
        assert_eq!(collected("valgrind: no"), None);
    }
}
