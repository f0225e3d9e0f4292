//! `imbl`: a document with a history.
//!
//! It imitates an editor or a compiler's database with cheap snapshots: a persistent map is changed step by step, and
//! versions of it are kept for a while, which share most of their nodes. A node dies with the last version that has it,
//! long after its neighbours in memory, so that the heap becomes a mosaic of ages.
//!
//! Its number cannot show snapshots that other threads read.

use super::expect;
use crate::rng::Rng;
use crate::{Outcome, Pass, Prepare, Setting, Workload, input};
use cenote_bench_protocol::Group;
use imbl::OrdMap;
use std::collections::{BTreeMap, VecDeque};

/// Versions of a map.
pub const WORKLOAD: Workload = Workload {
    name: "imbl",
    group: Group::Program,
    about: "imbl changes a persistent map, while a window of older versions stays alive",
    quick: false,
    scales: false,
    threads: 1,
    warm_up: 0,
    prepare: Prepare::Reading { write, read },
};

/// Versions that are kept.
const HISTORY: usize = 200;
/// Changes between two versions.
const CHANGES: usize = 40;

/// Insert under a key, or remove the key.
type Change = (u32, Option<u64>);

fn write(setting: &Setting) -> Vec<u8> {
    let mut rng = Rng::new(setting.seed);
    let keys = setting.scaled(18_000);
    let changes: Vec<Change> = (0..setting.scaled(90_000))
        .map(|_| (rng.below(keys) as u32, (rng.below(4) != 0).then(|| rng.next_u64() >> 32)))
        .collect();
    // The ordinary map of the language says what the versions at both ends of the window must hold.
    let mut model = BTreeMap::new();
    let (mut sizes, mut sums) = (VecDeque::new(), VecDeque::new());
    for changes in changes.chunks(CHANGES) {
        for (key, value) in changes {
            match value {
                Some(value) => model.insert(*key, *value),
                None => model.remove(key),
            };
        }
        sizes.push_back(model.len());
        sums.push_back(model.values().sum::<u64>());
        if sizes.len() > HISTORY {
            sizes.pop_front();
            sums.pop_front();
        }
    }
    input::encode(&(changes, sizes, [sums[0], sums[sums.len() - 1]]))
}

fn read(_: &Setting, input: &'static [u8]) -> Pass {
    let (changes, sizes, sums): (Vec<Change>, VecDeque<usize>, _) = input::decode(input);
    Box::new(move || edit(&changes, &sizes, sums))
}

fn edit(changes: &[Change], sizes: &VecDeque<usize>, sums: [u64; 2]) -> Outcome {
    let mut document: OrdMap<u32, Box<u64>> = OrdMap::new();
    let mut history = VecDeque::new();
    for changes in changes.chunks(CHANGES) {
        for (key, value) in changes {
            match value {
                Some(value) => document.insert(*key, Box::new(*value)),
                None => document.remove(key),
            };
        }
        history.push_back(document.clone());
        if history.len() > HISTORY {
            history.pop_front();
        }
    }
    expect("versions", history.len(), sizes.len())?;
    for (version, size) in history.iter().zip(sizes) {
        expect("size of a version", version.len(), *size)?;
    }
    let sum = |version: &OrdMap<u32, Box<u64>>| version.values().map(|value| **value).sum::<u64>();
    expect("sum of the oldest version", sum(&history[0]), sums[0])?;
    expect("sum of the newest version", sum(&history[history.len() - 1]), sums[1])?;
    Ok(sums[0].wrapping_mul(31).wrapping_add(sums[1]))
}
