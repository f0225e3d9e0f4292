//! Imitates a service that starts a pool of workers, lets them wait, and takes the pool down, again and again. Each worker
//! had a megabyte in use for a moment and holds a few objects while it waits.
//!
//! Shows what an allocator keeps for each thread that waits, and for each that has ended.
//!
//! Cannot show: the threads' stacks apart from the allocator's memory; they are the same for all.

use crate::block::Block;
use crate::rng::Rng;
use crate::tally::Tally;
use crate::team::{on_threads, rng_of};
use crate::{Pass, Setting, timeline};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How many workers a pool has.
pub(super) const WORKERS: usize = 32;

const POOLS: usize = 4;
const BYTES_PER_WORKER: usize = 1 << 20;
const KEPT_BLOCKS: usize = 8;
const PAUSE_MS: u64 = 250;

pub(super) fn prepare(setting: &Setting) -> Pass {
    let setting = *setting;
    let pause = Duration::from_millis(PAUSE_MS) / setting.divisor;
    Box::new(move || {
        let mut tally = Tally::default();
        let live = Live(AtomicUsize::new(0));
        for pool in 0..POOLS {
            timeline::phase("work", 0);
            let waiting = Barrier::new(setting.threads.max(1));
            tally.merge(on_threads(setting.threads, |worker| {
                let mut tally = Tally::default();
                let mut rng = rng_of(setting.seed, pool << 16 | worker);
                let kept = work(&mut rng, setting.scaled(BYTES_PER_WORKER), &live, &mut tally);
                if waiting.wait().is_leader() {
                    timeline::phase("workers wait", live.bytes());
                }
                thread::sleep(pause);
                kept.into_iter().for_each(|block| live.give(block, &mut tally));
                tally
            }));
            timeline::phase("no workers", live.bytes());
            thread::sleep(pause);
        }
        timeline::phase("end", live.bytes());
        tally.outcome()
    })
}

/// Takes so many bytes of blocks and frees all but the last few, which it returns.
fn work(rng: &mut Rng, bytes: usize, live: &Live, tally: &mut Tally) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut taken_bytes = 0;
    while taken_bytes < bytes || blocks.len() < KEPT_BLOCKS {
        let size = rng.between(16, 2048);
        taken_bytes += size;
        blocks.push(live.take(size, blocks.len() as u32));
    }
    let kept = blocks.split_off(blocks.len() - KEPT_BLOCKS);
    blocks.into_iter().for_each(|block| live.give(block, tally));
    kept
}

/// Bytes in use by all workers.
struct Live(AtomicUsize);

impl Live {
    fn bytes(&self) -> usize {
        // ORDERING: Relaxed: a figure for the timeline; it orders nothing.
        self.0.load(Ordering::Relaxed)
    }

    fn take(&self, size: usize, tag: u32) -> Block {
        let mut block = Block::take(size, tag);
        block.fill();
        // ORDERING: Relaxed: as in `bytes`.
        timeline::live(self.0.fetch_add(size, Ordering::Relaxed) + size);
        block
    }

    fn give(&self, block: Block, tally: &mut Tally) {
        let size = block.size();
        block.give(tally);
        // ORDERING: Relaxed: as in `bytes`.
        timeline::live(self.0.fetch_sub(size, Ordering::Relaxed) - size);
    }
}
