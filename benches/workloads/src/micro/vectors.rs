//! Imitates a reader that collects columns or bytes whose number it does not know: four vectors grow in turn, so that
//! each finds its end taken by another, and every growth writes the new half.
//!
//! Cannot show: vectors far above a MiB, where all depends on the kernel's `mremap`. Copying and writing the contents is
//! in the number for every allocator, and page faults are where memory went back between the rounds.

use crate::tally::Tally;
use crate::{Pass, Setting};
use std::hint::black_box;

const VECTORS: u64 = 4;
const FIRST_WORDS: usize = 2;
const LAST_WORDS: usize = (1 << 20) / size_of::<u64>();
const ROUNDS: usize = 90;

/// How far apart the words lie that are checked.
const STRIDE: usize = 64;

/// The word that belongs at `index` in vector `id`.
fn word(id: u64, index: usize) -> u64 {
    (index as u64) << 8 ^ id
}

/// Makes room for twice the words and writes those that were added.
fn double(vector: &mut Vec<u64>, id: u64) {
    let len = vector.len();
    let added = len.max(FIRST_WORDS);
    vector.reserve_exact(black_box(added));
    vector.extend((len..len + added).map(|index| word(id, index)));
}

pub(super) fn prepare(setting: &Setting) -> Pass {
    let rounds = setting.scaled(ROUNDS) as u64;
    Box::new(move || {
        let mut tally = Tally::default();
        for round in 0..rounds {
            let mut vectors = [const { Vec::new() }; VECTORS as usize];
            while vectors[0].len() < LAST_WORDS {
                for (vector, id) in vectors.iter_mut().zip(round..) {
                    double(vector, id);
                }
            }
            for (vector, id) in vectors.into_iter().zip(round..) {
                // One word in so many, and the first that each growth wrote.
                let indices =
                    (0..vector.len()).step_by(STRIDE).chain((0..vector.len().ilog2()).map(|shift| 1 << shift));
                let intact = indices.fold(true, |intact, index| intact & (vector[index] == word(id, index)));
                tally.expect(intact, "a vector");
                tally.add(vector.len() as u64);
            }
        }
        tally.outcome()
    })
}
