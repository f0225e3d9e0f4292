//! Imitates a server whose sessions move between threads: all threads replace blocks in slots that they share, so that
//! of `n` threads' frees all but one in `n` are of another's blocks.
//!
//! Cannot show: a skew. Most swaps miss the cache for every allocator.

use crate::block::{Block, SharedPlaces};
use crate::team::{SHARES, on_shares, rng_of};
use crate::{Pass, Setting};

const SLOTS: usize = 8192;
const STEPS: usize = 1_400_000;

pub(super) fn prepare(setting: &Setting) -> Pass {
    let Setting { threads, seed, .. } = *setting;
    let steps_per_share = setting.scaled(STEPS / SHARES) as u32;
    let slots = SharedPlaces::new(SLOTS);
    Box::new(move || {
        let mut tally = on_shares(threads, |share, tally| {
            let mut rng = rng_of(seed, share);
            for tag in 0..steps_per_share {
                let block = Block::take(rng.between(16, 512), tag);
                if let Some(old) = slots.exchange(rng.below(SLOTS), Some(block)) {
                    old.give(tally);
                }
            }
        });
        slots.give_all(&mut tally);
        tally.outcome()
    })
}
