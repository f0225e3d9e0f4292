//! Running one scenario in a process of its own.
//!
//! The resident set belongs to a process, and so does what earlier work left in an allocator. So `memory` starts itself
//! again for each run; that process prints its result as one line of JSON. rpmalloc's runs have a program of their own,
//! since the code that its crate links in replaces the process's `pthread_create` and takes a heap for every thread,
//! whoever allocates there.

use crate::allocators::Subject;
use crate::scenarios::{Outcome, Scenario};
use std::alloc::GlobalAlloc;
use std::process::{Command, Stdio};

/// The argument that makes a program do one run and end.
const FLAG: &str = "--part";

/// The program of the runs of [`Subject::Rpmalloc`].
const RPMALLOC_PROGRAM: &str = "part-rpmalloc";

/// Runs `scenario` with `subject` in a new process; `environment` is added to this process's.
///
/// # Errors
/// What went wrong, in words, when the process fails or reports nothing that can be read.
pub fn run(scenario: Scenario, subject: Subject, environment: &[(&str, &str)]) -> Result<Outcome, String> {
    let mut program = std::env::current_exe().map_err(|e| e.to_string())?;
    if subject == Subject::Rpmalloc {
        program.set_file_name(RPMALLOC_PROGRAM);
        if !program.exists() {
            return Err(format!("{RPMALLOC_PROGRAM} is not there; build the whole package, or leave rpmalloc out"));
        }
    }
    let output = Command::new(program)
        .args([FLAG, subject.name(), &scenario.to_string()])
        .envs(environment.iter().copied())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(format!("{scenario} with {subject} ended with {}", output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| format!("{scenario} with {subject} reported {e}"))
}

/// The allocator and the scenario this process was started for by [`run`], if it was.
///
/// # Panics
/// When the arguments name none.
fn asked_for() -> Option<(Subject, Scenario)> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().map(String::as_str) != Some(FLAG) {
        return None;
    }
    let [_, subject, scenario] = arguments.as_slice() else { panic!("usage: {FLAG} ALLOCATOR SCENARIO") };
    let subject = subject.parse().unwrap_or_else(|e| panic!("{e}"));
    let scenario = scenario.parse().unwrap_or_else(|e| panic!("{e}"));
    Some((subject, scenario))
}

fn report(outcome: &Outcome) {
    println!("{}", serde_json::to_string(outcome).expect("outcomes are plain data"));
}

/// Does the run this process was started for; returns whether there was one.
pub fn serve() -> bool {
    asked_for().map(|(subject, scenario)| report(&subject.run(scenario))).is_some()
}

/// The program of the runs of one allocator that cannot share a process with others.
///
/// # Panics
/// When the process was not started for a run.
pub fn serve_with<A: GlobalAlloc + Sync>(alloc: &'static A) {
    let (_, scenario) = asked_for().expect("this program does runs for `memory`");
    report(&scenario.run(alloc));
}
