//! What the suite relies on, for every workload: names, answers, and that nothing is left over.

use cenote_bench_workloads::{Outcome, Setting, Workload};
use std::collections::HashSet;

/// Small enough that a run of all takes seconds.
const SMALL: Setting = Setting { threads: 2, divisor: 100, seed: 7 };

fn run(workload: &Workload, setting: Setting) -> Outcome {
    workload.pass_here(&setting)()
}

#[test]
fn names_are_words_joined_by_hyphens_and_unique() {
    let mut names = HashSet::new();
    for workload in Workload::all() {
        let name = workload.name;
        assert!(name.split('-').all(|word| !word.is_empty()), "{name}");
        assert!(name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')), "{name}");
        assert!(names.insert(name), "{name} twice");
        assert!(!workload.about.is_empty() && workload.threads > 0, "{name}");
    }
}

#[test]
fn a_run_gives_the_same_answer_again() {
    for workload in Workload::all() {
        let setting = Setting { threads: workload.threads, ..SMALL };
        let answer = run(workload, setting);
        assert!(answer.is_ok(), "{}: {answer:?}", workload.name);
        assert_eq!(answer, run(workload, setting), "{}", workload.name);
    }
}

#[test]
fn a_workload_can_be_run_again_once_prepared() {
    for workload in Workload::all().filter(|workload| workload.warm_up > 0) {
        let mut pass = workload.pass_here(&SMALL);
        for _ in 0..=workload.warm_up {
            assert!(pass().is_ok(), "{}", workload.name);
        }
    }
}

#[test]
fn the_number_of_threads_does_not_change_the_answer() {
    for workload in Workload::all().filter(|workload| workload.scales) {
        let alone = run(workload, Setting { threads: 1, ..SMALL });
        for threads in [2, 3, 16] {
            assert_eq!(run(workload, Setting { threads, ..SMALL }), alone, "{} with {threads}", workload.name);
        }
    }
}
