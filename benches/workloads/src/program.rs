//! Real Rust programs' work: well-known crates doing what they are used for, on data made from the seed.
//!
//! Each program opens with what it imitates and what its number cannot show. It starts cold, as a program does: another
//! process makes the inputs, there is no warm-up pass, and everything that the pass takes is given back at its end. What it
//! computes is compared with what the generator of its data knows, so an allocator that loses a write is found out.

#[cfg(feature = "heavy")]
mod columns;
mod corpus;
mod feed;
mod images;
#[cfg(feature = "heavy")]
mod index;
mod json;
mod maps;
mod markdown;
mod persistent;
mod regex;
mod script;
mod simd_json;
mod skiplist;
mod sorting;
mod syn;
mod tasks;
mod wasm;

use crate::Workload;
use std::fmt::Display;

/// The workloads of this group.
pub const WORKLOADS: &[Workload] = &[
    json::VALUE,
    json::TYPED,
    simd_json::WORKLOAD,
    regex::WORKLOAD,
    syn::WORKLOAD,
    markdown::WORKLOAD,
    images::WORKLOAD,
    script::WORKLOAD,
    wasm::WORKLOAD,
    maps::WORKLOAD,
    persistent::WORKLOAD,
    sorting::WORKLOAD,
    tasks::WORKLOAD,
    skiplist::WORKLOAD,
    #[cfg(feature = "heavy")]
    columns::WORKLOAD,
    #[cfg(feature = "heavy")]
    index::WORKLOAD,
];

/// Says what is wrong if `found` is not what the generator of the data knows to be right.
fn expect<T: PartialEq + Display>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: found {found}, expected {expected}")) }
}

/// An error of a crate on data that it must accept: its memory was not what was written.
fn spoiled(error: impl Display) -> String {
    format!("valid input was refused: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Setting;

    fn run(workload: &Workload, setting: &Setting) -> Vec<crate::Outcome> {
        let mut pass = workload.pass_here(setting);
        vec![pass(), pass()]
    }

    #[test]
    fn every_program_answers_alike_twice_and_when_prepared_anew() {
        for workload in WORKLOADS {
            let setting = Setting { threads: workload.threads, divisor: 50, seed: 3 };
            let answers = [run(workload, &setting), run(workload, &setting)].concat();
            let first = answers[0].clone().unwrap_or_else(|wrong| panic!("{}: {wrong}", workload.name));
            assert!(answers.iter().all(|answer| *answer == Ok(first)), "{}: {answers:?}", workload.name);
        }
    }

    #[test]
    fn the_number_of_threads_does_not_change_the_answer() {
        for workload in WORKLOADS.iter().filter(|workload| workload.scales) {
            let answers: Vec<_> = [1, 2, 5]
                .iter()
                .map(|&threads| run(workload, &Setting { threads, divisor: 50, seed: 5 })[0].clone())
                .collect();
            assert!(answers[0].is_ok() && answers.iter().all(|a| *a == answers[0]), "{}: {answers:?}", workload.name);
        }
    }

    #[test]
    fn any_seed_will_do() {
        for workload in WORKLOADS {
            for seed in [1, 2, 0xFFFF_FFFF_FFFF] {
                let setting = Setting { threads: workload.threads, divisor: 200, seed };
                assert!(run(workload, &setting)[0].is_ok(), "{} with seed {seed}", workload.name);
            }
        }
    }

    #[test]
    fn a_difference_is_told_with_both_values() {
        assert_eq!(expect("posts", 3, 3), Ok(()));
        assert_eq!(expect("posts", 3, 4), Err("posts: found 3, expected 4".into()));
        assert_eq!(spoiled("end of input"), "valid input was refused: end of input");
    }
}
