//! `glibc-simple`: so many blocks of one size taken, then freed.
//!
//! After `bench-malloc-simple` of the GNU C library's benchmarks: 25, 100, 400 and 1600 blocks of 128 bytes, freed in the
//! order they were taken; small numbers fit into a thread's cache, large ones do not.
//!
//! Differs: one figure for the four numbers, which have equal work, and one thread.
//!
//! Cannot show: mixtures of sizes; see `batches-*` and `glibc-thread`.

use crate::block::{Block, Places};
use crate::tally::Tally;
use crate::{Pass, Setting};

const SIZE: usize = 128;
const COUNTS: [usize; 4] = [25, 100, 400, 1600];
const BLOCKS_PER_COUNT: usize = 1_440_000;

pub(super) fn prepare(setting: &Setting) -> Pass {
    let rounds = COUNTS.map(|count| setting.scaled(BLOCKS_PER_COUNT / count));
    let mut places = COUNTS.map(Places::new);
    Box::new(move || {
        let mut tally = Tally::default();
        for (places, rounds) in places.iter_mut().zip(rounds) {
            for round in 0..rounds as u32 {
                for (place, tag) in places.iter_mut().zip(round..) {
                    *place = Some(Block::take(SIZE, tag));
                }
                places.give_all(&mut tally);
            }
        }
        tally.outcome()
    })
}
