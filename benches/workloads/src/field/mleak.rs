//! `mleak`: threads come and go by the hundred while the live set stays as it is.
//!
//! After `mleak` of mimalloc-bench, which tests that the end of threads leaks nothing: each thread takes some hundreds of
//! blocks, frees most of them and leaves a fixed number to the next thread of its line, in exchange for what that one's
//! predecessor left.
//!
//! Differs: the survivors; the original's threads free all they took.
//!
//! Cannot show: the allocator's time alone; most of it is the kernel's, for threads. Look at the peak of the resident set:
//! what an allocator keeps of each ended thread adds up there.

use crate::block::{Block, Places};
use crate::rng::Rng;
use crate::tally::Tally;
use crate::team::{SHARES, on_shares, rng_of};
use crate::{Pass, Setting};
use std::thread;

const THREADS: usize = 960;
const BLOCKS_PER_THREAD: usize = 300;
const SURVIVORS: usize = 20;

pub(super) fn prepare(setting: &Setting) -> Pass {
    let Setting { threads, seed, .. } = *setting;
    let generations = setting.scaled(THREADS / SHARES);
    Box::new(move || {
        let tally = on_shares(threads, |share, tally| {
            let mut survivors = Places::new(SURVIVORS);
            for generation in 0..generations {
                let seed = rng_of(seed, share).next_u64() ^ generation as u64;
                thread::scope(|scope| {
                    scope.spawn(|| live_and_die(seed, &mut survivors, tally));
                });
            }
            survivors.give_all(tally);
        });
        tally.outcome()
    })
}

fn live_and_die(seed: u64, survivors: &mut Places, tally: &mut Tally) {
    let mut rng = rng_of(seed, 0);
    let mut blocks: Vec<Block> = (0..BLOCKS_PER_THREAD as u32).map(|tag| Block::take(size(&mut rng), tag)).collect();
    survivors.give_all(tally);
    for place in survivors.iter_mut() {
        *place = Some(blocks.swap_remove(rng.below(blocks.len())));
    }
    for block in blocks {
        block.give(tally);
    }
}

/// Up to 2 KiB, each doubling equally frequent.
fn size(rng: &mut Rng) -> usize {
    let low = 16 << rng.below(7);
    rng.between(low, 2 * low)
}
