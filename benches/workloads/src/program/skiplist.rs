//! `skiplist`: an ordered map that threads share without a lock.
//!
//! It imitates the table in memory of a storage engine: all threads insert rows into a crossbeam skip list, and each
//! removes the rows that its neighbour inserted in the round before. What is removed is freed later, in bulk, by the
//! thread that happens to advance crossbeam's epoch: remote frees by design.
//!
//! Its number cannot show contention on single rows, which the threads do not have here.

use super::expect;
use crate::rng::Rng;
use crate::{Outcome, Pass, Prepare, Setting, Workload, input};
use cenote_bench_protocol::Group;
use crossbeam_skiplist::SkipMap;
use std::sync::Barrier;

/// Shared rows.
pub const WORKLOAD: Workload = Workload {
    name: "skiplist",
    group: Group::Program,
    about: "threads insert rows into a crossbeam skip list and remove each other's",
    quick: false,
    scales: true,
    threads: 2,
    warm_up: 0,
    prepare: Prepare::Reading { write, read },
};

/// Rounds of inserting and removing; the rows of the last one stay.
const ROUNDS: usize = 5;

fn write(setting: &Setting) -> Vec<u8> {
    let mut rng = Rng::new(setting.seed);
    let rounds: Vec<Vec<u64>> = (0..ROUNDS)
        .map(|round| {
            let mut keys: Vec<_> =
                (0..setting.scaled(11_000) as u64).map(|n| n * ROUNDS as u64 + round as u64).collect();
            rng.shuffle(&mut keys);
            keys
        })
        .collect();
    input::encode(&rounds)
}

fn read(setting: &Setting, input: &'static [u8]) -> Pass {
    let rounds: Vec<Vec<u64>> = input::decode(input);
    let threads = setting.threads;
    Box::new(move || share(threads, &rounds))
}

/// The row of a key: as long as rows of a table are.
fn row(key: u64) -> String {
    format!("row {key:0width$}", width = 16 + (key % 80) as usize)
}

fn share(threads: usize, rounds: &[Vec<u64>]) -> Outcome {
    let table = SkipMap::new();
    let barrier = Barrier::new(threads);
    let removed: Vec<Result<usize, String>> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|thread| {
                let (table, barrier) = (&table, &barrier);
                scope.spawn(move || {
                    // Errors wait for the end: a thread that left early would leave the others at the barrier.
                    let mut outcome = Ok(0);
                    for (n, keys) in rounds.iter().enumerate() {
                        for &key in keys.iter().skip(thread).step_by(threads) {
                            table.insert(key, row(key));
                        }
                        if n > 0 {
                            let neighbour = (thread + 1) % threads;
                            for &key in rounds[n - 1].iter().skip(neighbour).step_by(threads) {
                                outcome = outcome.and_then(|removed| remove(table, key).map(|()| removed + 1));
                            }
                        }
                        barrier.wait();
                    }
                    outcome
                })
            })
            .collect();
        handles.into_iter().map(|handle| handle.join().unwrap_or_else(|_| Err("a thread panicked".into()))).collect()
    });
    let removed: usize = removed.into_iter().sum::<Result<_, _>>()?;
    let last = &rounds[ROUNDS - 1];
    expect("rows removed", removed, last.len() * (ROUNDS - 1))?;
    expect("rows left", table.len(), last.len())?;
    let mut answer = 0u64;
    for entry in &table {
        check(*entry.key(), entry.value())?;
        answer = answer.wrapping_mul(31).wrapping_add(entry.key() ^ entry.value().len() as u64);
    }
    Ok(answer)
}

fn remove(table: &SkipMap<u64, String>, key: u64) -> Result<(), String> {
    let entry = table.remove(&key).ok_or_else(|| format!("row {key} is lost"))?;
    check(key, entry.value())
}

fn check(key: u64, found: &str) -> Result<(), String> {
    if found == row(key) { Ok(()) } else { Err(format!("row {key} holds {found:?}")) }
}
