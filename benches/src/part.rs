//! Running one part of the work in a process of its own.
//!
//! The resident set belongs to a process, and so does what earlier work left in an allocator. So the runners start
//! themselves again for one part; that process prints its result as one line of JSON. rpmalloc's parts run in a program of
//! their own, since the code that its crate links in replaces the process's `pthread_create` and takes a heap for every
//! thread, whoever allocates there.

use crate::allocators::{Subject, Visitor};
use crate::measure::Meter;
use crate::scenarios::Scenario;
use crate::workloads::Workload;
use serde::{Serialize, de::DeserializeOwned};
use std::alloc::GlobalAlloc;
use std::process::{Command, Stdio};

/// The argument that makes a runner do one part and end.
const FLAG: &str = "--part";

/// The program that runs the parts of [`Subject::Rpmalloc`].
#[cfg(feature = "rpmalloc")]
const RPMALLOC_PROGRAM: &str = "part-rpmalloc";

/// What a process of its own is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A workload's times, after one run to warm up; reports a [`Sample`](crate::measure::Sample).
    Time(Workload),
    /// A workload's peak memory; reports a [`Sample`](crate::measure::Sample).
    Memory(Workload),
    /// A scenario; reports an [`Outcome`](crate::scenarios::Outcome).
    Scenario(Scenario),
}

impl Part {
    fn arguments(self) -> [String; 2] {
        let (kind, name) = match self {
            Self::Time(workload) => ("time", workload.to_string()),
            Self::Memory(workload) => ("memory", workload.to_string()),
            Self::Scenario(scenario) => ("scenario", scenario.to_string()),
        };
        [kind.to_string(), name]
    }

    fn from_arguments(kind: &str, name: &str) -> Result<Self, String> {
        match kind {
            "time" => name.parse().map(Self::Time),
            "memory" => name.parse().map(Self::Memory),
            "scenario" => name.parse().map(Self::Scenario),
            _ => Err(format!("no part is of the kind `{kind}`")),
        }
    }

    /// Runs the part in a new process and returns what it reports; `environment` is added to this process's.
    ///
    /// # Errors
    /// What went wrong, in words, when the process fails or reports nothing that can be read.
    pub fn run_apart<R: DeserializeOwned>(self, subject: Subject, environment: &[(&str, &str)]) -> Result<R, String> {
        let mut program = std::env::current_exe().map_err(|e| e.to_string())?;
        #[cfg(feature = "rpmalloc")]
        if subject == Subject::Rpmalloc {
            program.set_file_name(RPMALLOC_PROGRAM);
            if !program.exists() {
                return Err(format!("{RPMALLOC_PROGRAM} is not there; build the whole package, or leave rpmalloc out"));
            }
        }
        let [kind, name] = self.arguments();
        let output = Command::new(program)
            .args([FLAG, subject.name(), &kind, &name])
            .envs(environment.iter().copied())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|e| e.to_string())?;
        if !output.status.success() {
            return Err(format!("{kind} {name} with {subject} ended with {}", output.status));
        }
        serde_json::from_slice(&output.stdout).map_err(|e| format!("{kind} {name} with {subject} reported {e}"))
    }

    /// Runs the part here and prints what it reports.
    fn run_here<A: GlobalAlloc + Sync>(self, alloc: &'static A) {
        match self {
            Self::Time(workload) => {
                workload.run(alloc, Meter::time());
                report(&workload.run(alloc, Meter::time()));
            }
            Self::Memory(workload) => report(&workload.run(alloc, Meter::memory())),
            Self::Scenario(scenario) => report(&scenario.run(alloc)),
        }
    }
}

impl Visitor for Part {
    type Output = ();

    fn visit<A: GlobalAlloc + Sync>(self, alloc: &'static A) {
        self.run_here(alloc);
    }
}

fn report(result: &impl Serialize) {
    println!("{}", serde_json::to_string(result).expect("results are plain data"));
}

/// The allocator and the part this process was started for by [`Part::run_apart`], if it was.
///
/// # Panics
/// When the arguments name no part.
fn asked_for() -> Option<(Subject, Part)> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().map(String::as_str) != Some(FLAG) {
        return None;
    }
    let [_, subject, kind, name] = arguments.as_slice() else { panic!("usage: {FLAG} ALLOCATOR KIND NAME") };
    let subject = subject.parse().unwrap_or_else(|e| panic!("{e}"));
    let part = Part::from_arguments(kind, name).unwrap_or_else(|e| panic!("{e}"));
    Some((subject, part))
}

/// Runs the part this process was started for; returns whether there was one.
pub fn serve() -> bool {
    asked_for().map(|(subject, part)| subject.visit(part)).is_some()
}

/// The program of the parts of one allocator that cannot share a process with others.
///
/// # Panics
/// When the process was not started for a part.
pub fn serve_with<A: GlobalAlloc + Sync>(alloc: &'static A) {
    let (_, part) = asked_for().expect("this program runs parts for `compare` and `memory`");
    part.run_here(alloc);
}
