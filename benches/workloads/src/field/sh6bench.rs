//! `sh6bench`: small blocks, freed partly in reverse and partly in the order they were taken.
//!
//! After MicroQuill's benchmark of SmartHeap, as the README of mimalloc-bench describes it: runs of small blocks, of which
//! some are freed last taken, first freed, and others in the order they were taken.
//!
//! Differs: the runs are ours; threads share nothing, as in the original.
//!
//! Cannot show: anything of objects' use, or of large blocks.

use crate::block::{Block, Places};
use crate::rng::Rng;
use crate::tally::Tally;
use crate::team::{SHARES, on_shares, rng_of};
use crate::{Pass, Setting};

const ROUNDS: usize = 1120;
const BLOCKS_PER_ROUND: usize = 2000;

pub(super) fn prepare(setting: &Setting) -> Pass {
    let Setting { threads, seed, .. } = *setting;
    let rounds = setting.scaled(ROUNDS / SHARES);
    Box::new(move || {
        let tally = on_shares(threads, |share, tally| {
            let mut rng = rng_of(seed, share);
            let mut places = Places::new(BLOCKS_PER_ROUND);
            for _ in 0..rounds {
                take_run(&mut places, &mut rng);
                free_in_reverse(&mut places, tally);
                places.give_all(tally);
            }
        });
        tally.outcome()
    })
}

/// Fills the places; runs of blocks have one size.
pub(super) fn take_run(places: &mut [Option<Block>], rng: &mut Rng) {
    const RUN: usize = 50;
    for run in places.chunks_mut(RUN) {
        // Of three sizes the smallest: small ones prevail.
        let size = rng.between(16, 1000).min(rng.between(16, 1000)).min(rng.between(16, 1000));
        for (place, tag) in run.iter_mut().zip(0..) {
            *place = Some(Block::take(size, tag));
        }
    }
}

/// Frees every second block, the last first.
pub(super) fn free_in_reverse(places: &mut [Option<Block>], tally: &mut Tally) {
    for block in places.iter_mut().rev().step_by(2).filter_map(Option::take) {
        block.give(tally);
    }
}
