//! CPU time of Lua programs on cenote and on the C library's memory, side by side.
//!
//! One run says little on a shared machine. For a figure that repeats, count instructions of one program:
//! `valgrind --tool=callgrind target/release/examples/compare --memory cenote --program trees --rounds 1`.

use cenote_lua::{Memory, State};
use clap::{Parser, ValueEnum};
use comfy_table::{Table, presets};
use cpu_time::ProcessTime;
use std::time::Duration;

#[path = "../programs/mod.rs"]
mod programs;

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Which {
    Cenote,
    C,
}

#[derive(Parser)]
struct Arguments {
    /// Only this program.
    #[arg(long)]
    program: Option<String>,
    /// Only this memory.
    #[arg(long)]
    memory: Option<Which>,
    /// How often each program runs; the median counts.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
}

fn time(memory: Memory, name: &str, source: &str) -> Duration {
    let start = ProcessTime::now();
    let state = State::new(memory).expect("memory for a state");
    state.run(name, source).unwrap_or_else(|error| panic!("{name}: {error}"));
    drop(state);
    start.elapsed()
}

fn main() {
    let arguments = Arguments::parse();
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(["program", "cenote, ms", "C, ms", "cenote / C"]);
    for (name, source) in programs::ALL {
        if arguments.program.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..arguments.rounds {
            for (times, (which, memory)) in
                times.iter_mut().zip([(Which::Cenote, Memory::Cenote), (Which::C, Memory::C)])
            {
                if arguments.memory.is_none_or(|only| only == which) {
                    times.push(time(memory, name, source));
                }
            }
        }
        let [cenote, c] = times.map(|mut times| {
            times.sort();
            times.get(times.len() / 2).map(|median| median.as_secs_f64() * 1e3)
        });
        let show = |figure: Option<f64>| figure.map_or("-".to_owned(), |figure| format!("{figure:.2}"));
        table.add_row([name.to_owned(), show(cenote), show(c), show(cenote.zip(c).map(|(a, b)| a / b))]);
    }
    println!("{table}");
}
