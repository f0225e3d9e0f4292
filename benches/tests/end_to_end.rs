//! The whole way: programs are built, run, and told about.

use assert_cmd::Command;
use cenote_bench::results;
use cenote_bench_protocol::Results;
use predicates::prelude::*;
use predicates::str::contains;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{self, Stdio};

fn cenote_bench() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin!("cenote-bench"))
}

const ASKED: [&str; 8] = ["--alloc", "system,cenote", "--work", "pairs-64,churn", "--reps", "3", "--divisor", "1000"];

/// A tiny run, with its files in `folder`.
fn measure(folder: &Path) -> Results {
    let (json, html) = (folder.join("results.json"), folder.join("report.html"));
    cenote_bench()
        .args(ASKED)
        .arg("--json")
        .arg(&json)
        .arg("--html")
        .arg(&html)
        .assert()
        .success()
        .stdout(contains("pairs-64").and(contains("churn")).and(contains(html.to_str().unwrap())));
    assert!(fs::read_to_string(&html).unwrap().contains("cenote"));
    results::read(&json).unwrap()
}

#[test]
fn a_run_is_complete_and_everything_can_be_made_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let results = measure(folder.path());

    let names: Vec<_> = results.subjects.iter().map(|subject| subject.name.as_str()).collect();
    assert_eq!(names, ["cenote", "system", "cenote#2"]);
    assert!(results.subjects.iter().all(|subject| subject.present));
    assert!(!results.subjects[0].version.is_empty() && !results.subjects[1].version.is_empty());
    for subject in names {
        for workload in ["pairs-64", "churn"] {
            let mut repetitions: Vec<_> = results
                .samples
                .iter()
                .filter(|sample| sample.subject == subject && sample.job.workload == workload)
                .inspect(|sample| assert!(matches!(&sample.result, Ok(report) if report.wrong.is_none())))
                .map(|sample| sample.repetition)
                .collect();
            repetitions.sort_unstable();
            // Runs as short as these may be far from the best one's by bad luck, and are then rarer after the second.
            assert!(repetitions == [0, 1, 2] || repetitions == [0, 1], "{subject} {workload}: {repetitions:?}");
        }
    }
    let command = "cargo run --release -p cenote-bench -- --alloc 'system,cenote'";
    assert!(results.command.starts_with(command), "{}", results.command);
    assert_eq!(results.profile, "release");

    let json = path("results.json");
    cenote_bench().arg("compare").args([&json, &json]).assert().success().stdout(contains("0 of "));
    cenote_bench().arg("report").arg(&json).arg("--html").arg(path("again/report.html")).assert().success();
    assert!(path("again/report.html").exists());
    cenote_bench().arg("docs").arg(&json).arg("--dir").arg(path("docs")).assert().success();
    assert!(fs::read_to_string(path("docs/benchmarks.md")).unwrap().contains("pairs-64"));
}

#[test]
fn checked_allocators_are_right_in_what_they_run() {
    cenote_bench()
        .args(["--check", "--alloc", "system,cenote", "--work", "pairs-64,churn", "--divisor", "1000"])
        .assert()
        .success()
        .stdout("cenote: 2 of 2 workloads right\nsystem: 2 of 2 workloads right\n");
}

#[test]
fn an_interrupt_keeps_what_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("results.json");
    let mut run = process::Command::new(assert_cmd::cargo::cargo_bin!("cenote-bench"))
        .args(["--alloc", "system", "--work", "pairs-64", "--reps", "1000000", "--divisor", "1000"])
        .arg("--json")
        .arg(&json)
        .arg("--html")
        .arg(folder.path().join("report.html"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("measuring ")), "it never began to measure");
    Command::new("kill").args(["-INT", &run.id().to_string()]).assert().success();
    assert!(run.wait().unwrap().success());
    let results = results::read(&json).unwrap();
    assert!(results.samples.iter().all(|sample| sample.result.is_ok()), "the interrupt killed a run");
}

#[test]
fn what_the_machine_lacks_is_told_with_how_to_get_it() {
    let listed = cenote_bench().arg("list").env("CMAKE", "/nowhere/cmake").assert().success();
    listed.stdout(contains("needs CMake: install cmake"));
    cenote_bench()
        .args(["--alloc", "snmalloc"])
        .env("CMAKE", "/nowhere/cmake")
        .assert()
        .failure()
        .stderr(contains("without snmalloc: needs CMake").and(contains("no allocator is left to measure")));
}

#[test]
fn a_workload_that_does_not_exist_is_refused() {
    cenote_bench()
        .args(["--alloc", "system", "--work", "pears-64"])
        .assert()
        .failure()
        .stderr(contains("no workload and no group pears-64"));
}

#[test]
fn the_list_names_workloads_and_allocators() {
    let names = ["pairs-64", "micro", "cenote", "jemalloc", "the crate tikv-jemallocator"];
    let mut listed = cenote_bench().arg("list").assert().success();
    for name in names {
        listed = listed.stdout(contains(name));
    }
}
