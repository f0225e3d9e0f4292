//! Measures memory allocators side by side; see `benches/README.md`.

use cenote_bench::cli::{Cli, Command};
use cenote_bench::suite;
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Cli { command, run } = Cli::parse();
    let done = match command {
        Some(Command::List) => suite::list().map(|()| true),
        Some(Command::Compare { before, after }) => suite::compare(&before, &after).map(|()| true),
        Some(Command::Report { results, html }) => suite::report(&results, html).map(|()| true),
        Some(Command::Docs { results, dir }) => suite::docs(&results, &dir).map(|()| true),
        None if run.check => suite::check(&run),
        None => suite::measure(&run).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cenote-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
