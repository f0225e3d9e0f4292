//! Imitates a server whose sessions move between threads: all threads replace blocks in slots that they share, so that
//! of `n` threads' frees all but one in `n` are of another's blocks.
//!
//! Cannot show: a skew. Most swaps miss the cache for every allocator.

use crate::block::Block;
use crate::mapped::MappedSlice;
use crate::tally::Tally;
use crate::team::{SHARES, on_shares, rng_of};
use crate::{Pass, Setting};
use std::sync::atomic::{AtomicUsize, Ordering};

const SLOTS: usize = 8192;
const STEPS: usize = 1_400_000;

pub(super) fn prepare(setting: &Setting) -> Pass {
    let Setting { threads, seed, .. } = *setting;
    let steps_per_share = setting.scaled(STEPS / SHARES) as u32;
    // A slot holds a packed block, or zero.
    let slots = MappedSlice::new(SLOTS, |_| AtomicUsize::new(0));
    Box::new(move || {
        let mut tally = on_shares(threads, |share, tally| {
            let mut rng = rng_of(seed, share);
            for tag in 0..steps_per_share {
                let block = Block::take(rng.between(16, 512), tag);
                exchange(&slots[rng.below(SLOTS)], block.pack(), tally);
            }
        });
        for slot in slots.iter() {
            exchange(slot, 0, &mut tally);
        }
        tally.outcome()
    })
}

/// Puts `word` into the slot and gives back the block that was there.
fn exchange(slot: &AtomicUsize, word: usize, tally: &mut Tally) {
    // ORDERING: Release hands our block over, Acquire receives the other's contents; pairs with itself.
    let old = slot.swap(word, Ordering::AcqRel);
    if old != 0 {
        // SAFETY: the swap took this block out of its slot, so it is ours alone.
        unsafe { Block::unpack(old) }.give(tally);
    }
}
