//! Broken allocators are reported as wrong, and a sound one as right, the way the runner learns it: a program of its own
//! that is given a job and prints a report.
//!
//! This program is both: the test, and with the variable of the environment the subject.

mod faults;

use cenote_bench_protocol::{Group, Report};
use cenote_bench_subjects::checked::Checked;
use cenote_bench_workloads::Workload;
use faults::{Broken, Fault};
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::{Command, ExitCode};

#[global_allocator]
static GLOBAL: Checked<Broken> = Checked::new(Broken);

/// The fault that the subject is to have.
const VARIABLE: &str = "CENOTE_BENCH_FAULT";

/// What each fault is tried on, at what divisor, and words of the finding.
const CAUGHT: &[(Fault, &str, u32, &str)] = &[
    (Fault::Twice, "churn", 20, "overlaps a live block"),
    (Fault::Neighbour, "churn", 20, "overlaps a live block"),
    (Fault::Misaligned, "churn", 20, "not aligned to"),
    (Fault::Zeroed, "churn", 20, "a write was lost"),
    (Fault::Lost, "vectors", 20, "did not keep the first"),
    (Fault::Dirty, "cfrac", 20, "alloc_zeroed returned"),
    (Fault::Null, "churn", 20, "returned null"),
];

fn main() -> ExitCode {
    if let Ok(fault) = std::env::var(VARIABLE) {
        assert!(Broken::choose(&fault), "no fault {fault}");
        return cenote_bench_subjects::main();
    }
    let mut trials: Vec<_> = CAUGHT
        .iter()
        .map(|&(fault, workload, divisor, words)| {
            Trial::test(format!("{}_is_caught_in_{workload}", fault.name()), move || {
                let report = report(fault, workload, divisor)?;
                let wrong = report.wrong.ok_or("it was not noticed")?;
                if wrong.contains(words) { Ok(()) } else { Err(wrong.into()) }
            })
        })
        .collect();
    trials.extend(Workload::all().filter(|workload| workload.group != Group::Memory).map(|workload| {
        Trial::test(format!("a_sound_allocator_is_right_in_{}", workload.name), || {
            match report(Fault::Sane, workload.name, 2000)?.wrong {
                Some(wrong) => Err(wrong.into()),
                None => Ok(()),
            }
        })
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// What a subject with this fault reports.
fn report(fault: Fault, workload: &str, divisor: u32) -> Result<Report, Failed> {
    let job = format!(r#"{{"workload":"{workload}","threads":null,"divisor":{divisor},"seed":1}}"#);
    let output = Command::new(std::env::current_exe()?).env(VARIABLE, fault.name()).args(["run", &job]).output()?;
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(serde_json::from_str(text.lines().last().unwrap_or_default())?)
}
