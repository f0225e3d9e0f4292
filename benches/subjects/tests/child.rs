//! A subject as its caller sees it: arguments, jobs, reports.

use cenote_bench_protocol::{Group, Job, Report, WorkloadInfo};
use std::process::{Command, Output};

fn subject(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_subject-system")).args(arguments).output().expect("the subject runs")
}

fn job(workload: &str) -> Job {
    Job { workload: workload.into(), threads: None, divisor: 1000, seed: 1 }
}

fn run(job: &Job) -> Output {
    subject(&["run", &serde_json::to_string(job).expect("plain data")])
}

fn report(job: &Job) -> Report {
    let output = run(job);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a report")
}

/// The one line that the subject complains with.
#[track_caller]
fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr.clone()).expect("words");
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

fn workloads() -> Vec<WorkloadInfo> {
    serde_json::from_slice(&subject(&["list"]).stdout).expect("a list of workloads")
}

#[test]
fn lists_what_it_runs() {
    let workloads = workloads();
    assert!(workloads.iter().any(|workload| workload.name == "pairs-64" && workload.group == Group::Micro));
}

#[test]
fn reports_what_a_run_cost() {
    let report = report(&job("churn"));
    assert_eq!(report.wrong, None);
    assert!(report.wall_ns > 0 && report.cpu_ns > 0 && report.peak_rss_bytes > 0, "{report:?}");
    assert!(report.points.is_empty() && report.phases.is_empty());
}

#[test]
fn answers_alike_with_one_seed() {
    let answer = report(&job("churn")).answer;
    assert_eq!(report(&job("churn")).answer, answer);
}

#[test]
fn a_smaller_divisor_is_more_work() {
    let small = report(&job("pairs-64")).answer;
    let large = report(&Job { divisor: 500, ..job("pairs-64") }).answer;
    assert_ne!(large, small);
}

#[test]
fn runs_with_as_many_threads_as_asked() {
    let scaling = workloads().into_iter().find(|workload| workload.scales).expect("one scales");
    for threads in [1, 3] {
        assert_eq!(report(&Job { threads: Some(threads), ..job(&scaling.name) }).wrong, None);
    }
}

#[test]
fn gives_the_curve_of_a_memory_workload() {
    let report = report(&job("random-95"));
    assert_eq!(report.wrong, None);
    assert!(!report.phases.is_empty());
    assert!(report.points.len() >= 2 && report.points.iter().all(|point| point.rss_bytes > 0));
}

#[test]
fn rejects_jobs_that_it_cannot_run() {
    assert!(complaint(&subject(&["run", "{"])).starts_with("not a job: "));
    assert!(complaint(&subject(&["run", r#"{"workload":"churn"}"#])).contains("divisor"));
    assert_eq!(complaint(&run(&job("juggling"))), "there is no workload \"juggling\"\n");
    assert!(complaint(&run(&Job { divisor: 0, ..job("churn") })).contains("divisor"));
    assert!(complaint(&run(&Job { threads: Some(0), ..job("churn") })).contains("at least one thread"));
    assert!(complaint(&run(&Job { threads: Some(2), ..job("pairs-64") })).contains("does not scale"));
}

#[test]
fn makes_the_input_that_a_program_reads() {
    let input = |job: &Job| subject(&["input", &serde_json::to_string(job).expect("plain data")]);
    let small = input(&job("json-value"));
    assert!(small.status.success() && small.stderr.is_empty());
    let large = input(&Job { divisor: 100, ..job("json-value") });
    assert!(large.stdout.len() > 5 * small.stdout.len() && !small.stdout.is_empty());
    assert!(input(&job("churn")).stdout.is_empty(), "it makes what it needs itself");
    assert!(complaint(&input(&Job { divisor: 0, ..job("json-value") })).contains("divisor"));
}

#[test]
fn explains_its_usage() {
    for arguments in [&[][..], &["run"], &["input"], &["list", "all"], &["walk", "{}"]] {
        assert!(complaint(&subject(arguments)).starts_with("usage: "));
    }
}
