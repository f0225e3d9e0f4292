//! What the command line takes, and what it says to those who ask for the impossible.

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use std::fs;

fn cenote_bench() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin!("cenote-bench"))
}

/// Expects a refusal that `says` all of this.
fn refuses(arguments: &[&str], says: &[&str]) {
    let mut refused = cenote_bench().args(arguments).assert().failure().stdout("");
    for text in says {
        refused = refused.stderr(contains(*text));
    }
}

#[test]
fn help_names_every_option() {
    let options = ["--quick", "--full", "--alloc", "--work", "--threads", "--reps", "--json", "--html", "--lto"];
    let more = ["--icount", "--check", "--seed", "--divisor", "--timeout", "list", "compare", "report", "docs"];
    let mut help = cenote_bench().arg("--help").assert().success();
    for option in options.iter().chain(&more) {
        help = help.stdout(contains(*option));
    }
}

#[test]
fn contradictions_are_refused() {
    refuses(&["--quick", "--full"], &["--quick", "--full"]);
    refuses(&["--check", "--reps", "3"], &["--check", "--reps"]);
    refuses(&["--quick", "list"], &["list"]);
}

#[test]
fn numbers_below_one_are_refused() {
    for option in ["--reps", "--threads", "--divisor"] {
        for value in ["0", "-1", "many", "1.5"] {
            refuses(&[&format!("{option}={value}")], &["a whole number from 1 is wanted", option]);
        }
    }
    for value in ["0", "-3", "soon", "inf", "NaN"] {
        refuses(&[&format!("--timeout={value}")], &["a number of seconds above 0 is wanted", "--timeout"]);
    }
}

#[test]
fn an_unknown_allocator_is_refused_before_anything_is_built() {
    refuses(&["--alloc", "cenote,malloc"], &["there is no allocator malloc", "jemalloc"]);
}

#[test]
fn files_that_hold_no_results_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.json");
    fs::write(&empty, "").unwrap();
    let (empty, absent) = (empty.to_str().unwrap(), "/nowhere/results.json");
    refuses(&["report", empty], &[empty, "holds no results"]);
    refuses(&["docs", absent], &[absent, "cannot read"]);
    refuses(&["compare", empty, absent], &[empty]);
    cenote_bench().args(["compare", empty]).assert().failure().stderr(contains("AFTER").and(contains("Usage")));
}
