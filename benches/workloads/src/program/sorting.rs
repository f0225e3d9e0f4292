//! `rayon-strings`: a parallel sort and a map-reduce over text.
//!
//! It imitates a batch job: lines are split into owned words by all threads, counted into tables that are merged in
//! pairs, and sorted. A thread frees tables and strings that another thread made, at the merges and at the end.
//!
//! Its number cannot show more processors than the machine has; with fewer than threads it is mostly the scheduler's.

use super::corpus::Corpus;
use super::{expect, spoiled};
use crate::{Outcome, Pass, Prepare, Setting, Workload, input};
use cenote_bench_protocol::Group;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use rustc_hash::FxHashMap;

/// Sort and count.
pub const WORKLOAD: Workload = Workload {
    name: "rayon-strings",
    group: Group::Program,
    about: "rayon splits text into words, counts them by map-reduce and sorts them, on several threads",
    quick: true,
    scales: true,
    threads: 2,
    warm_up: 0,
    prepare: Prepare::Reading { write, read },
};

const WORDS_PER_LINE: usize = 12;

fn write(setting: &Setting) -> Vec<u8> {
    let mut corpus = Corpus::new(setting.seed);
    let lines: Vec<String> = (0..setting.scaled(9_000)).map(|_| corpus.sentence(WORDS_PER_LINE)).collect();
    let most: u64 = lines.iter().flat_map(|line| line.split(' ')).filter(|word| *word == "ba").count() as u64;
    input::encode(&(lines, most))
}

fn read(setting: &Setting, input: &'static [u8]) -> Pass {
    let (lines, most): (Vec<&str>, _) = input::decode(input);
    let threads = setting.threads;
    Box::new(move || {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().map_err(spoiled)?;
        count_and_sort(&pool, &lines, most)
    })
}

fn count_and_sort(pool: &ThreadPool, lines: &[&str], most: u64) -> Outcome {
    let mut words: Vec<String> =
        pool.install(|| lines.par_iter().flat_map_iter(|line| line.split(' ').map(str::to_owned)).collect());
    expect("words", words.len(), lines.len() * WORDS_PER_LINE)?;

    let counts = pool.install(|| {
        lines
            .par_chunks(64)
            .fold(FxHashMap::<String, u64>::default, |mut counts, lines| {
                for word in lines.iter().flat_map(|line| line.split(' ')) {
                    *counts.entry(word.to_owned()).or_default() += 1;
                }
                counts
            })
            .reduce(FxHashMap::default, |mut into, from| {
                for (word, count) in from {
                    *into.entry(word).or_default() += count;
                }
                into
            })
    });
    expect("count of the most frequent word", counts.get("ba").copied().unwrap_or_default(), most)?;
    expect("sum of the counts", counts.values().sum(), words.len() as u64)?;

    pool.install(|| words.par_sort());
    // Sorted, equal words are neighbours: their runs are the counts again.
    let mut distinct = 0;
    for run in words.chunk_by(|a, b| a == b) {
        expect(&run[0], counts.get(&run[0]).copied().unwrap_or_default(), run.len() as u64)?;
        distinct += 1;
    }
    expect("distinct words", distinct, counts.len())?;
    let heads = words.iter().step_by(97).flat_map(|word| word.bytes());
    Ok(heads.fold(distinct as u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte))))
}
