//! `mstress`: phases of threads, with objects that outlive and change them.
//!
//! After Leijen's `mstress`, as the README of mimalloc-bench describes it: threads with unequal work allocate in powers of
//! two, exchange objects through shared places, and keep some for long; after each phase all threads end and new ones
//! start, while what lies in the shared places survives.
//!
//! Differs: the shares of work are unequal, not the threads, so that any number of threads does the same.
//!
//! Cannot show: which of its ingredients hurts. It mixes sizes, lifetimes, remote frees and ends of threads on purpose.

use crate::block::{Block, SharedPlaces};
use crate::rng::Rng;
use crate::tally::Tally;
use crate::team::{SHARES, on_shares, rng_of};
use crate::{Pass, Setting};

const PHASES: usize = 10;
const STEPS: usize = 1_600_000;
const SHARED_PLACES: usize = 1000;

/// Of so many objects one is kept until its thread's share of the phase ends.
const KEEP_ONE_IN: usize = 4;
/// Of so many objects one goes into the shared places.
const EXCHANGE_ONE_IN: usize = 8;

/// How many steps a share has, relative to others.
const fn weight(share: usize) -> usize {
    1 + share % 4
}

pub(super) fn prepare(setting: &Setting) -> Pass {
    let Setting { threads, seed, .. } = *setting;
    let steps_per_weight = setting.scaled(STEPS / PHASES / (0..SHARES).map(weight).sum::<usize>());
    let shared = SharedPlaces::new(SHARED_PLACES);
    Box::new(move || {
        let mut tally = Tally::default();
        for phase in 0..PHASES {
            tally.merge(on_shares(threads, |share, tally| {
                let rng = rng_of(seed, phase * SHARES + share);
                stress(rng, weight(share) * steps_per_weight, &shared, tally);
            }));
        }
        shared.give_all(&mut tally);
        tally.outcome()
    })
}

fn stress(mut sizes: Rng, steps: usize, shared: &SharedPlaces, tally: &mut Tally) {
    // What other threads do may change how fates are drawn, but not sizes, on which the answer depends.
    let mut rng = Rng::new(sizes.next_u64());
    let mut kept = Vec::new();
    let mut young: Vec<Block> = Vec::new();
    for tag in 0..steps as u32 {
        let block = Block::take(size(&mut sizes), tag);
        if rng.below(KEEP_ONE_IN) == 0 {
            kept.push(block);
        } else if rng.below(EXCHANGE_ONE_IN) == 0 {
            young.extend(shared.exchange(rng.below(shared.count()), Some(block)));
        } else {
            young.push(block);
        }
        if young.len() > 1 && rng.below(2) == 0 {
            // Two of the young die, so that their number stays small.
            for _ in 0..2 {
                young.swap_remove(rng.below(young.len())).give(tally);
            }
        }
    }
    young.into_iter().chain(kept).for_each(|block| block.give(tally));
}

/// A power of two, each half as frequent as the one below; seldom a large one.
fn size(rng: &mut Rng) -> usize {
    let doublings = rng.next_u64().trailing_zeros().min(8);
    if rng.below(500) == 0 { 4096 << rng.below(4) } else { 16 << doublings }
}
