//! Blocks that grow stay where they are, where that can be, and are blocks like any others all the same; and what was freed
//! last is used first.

#![cfg(not(feature = "passthrough"))]

use cenote::{Cenote, usable_size};
use child::STILL;
use std::alloc::{GlobalAlloc, Layout};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;

use process::use_and_free;
use rng::SplitMix64;

#[path = "common/child.rs"]
mod child;
#[path = "common/pattern.rs"]
mod pattern;
#[path = "common/process.rs"]
mod process;
#[allow(dead_code, reason = "not all of it is used here")]
#[path = "common/rng.rs"]
mod rng;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// A block, full of its pattern.
struct Block {
    start: *mut u8,
    size: usize,
    seed: u64,
}

// SAFETY: it owns plain memory.
unsafe impl Send for Block {}

impl Block {
    fn new(size: usize, seed: u64) -> Self {
        // SAFETY: no test asks for nothing.
        let start = unsafe { GLOBAL.alloc(Self::layout(size)) };
        assert!(!start.is_null());
        let block = Self { start, size, seed };
        block.fill();
        block
    }

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).expect("a valid layout")
    }

    fn fill(&self) {
        // SAFETY: the block has so many bytes.
        unsafe { pattern::fill(self.start, self.size, self.seed) };
    }

    /// Makes it a block of `size` bytes that holds what it held. Returns whether it stayed where it was.
    fn resize(&mut self, size: usize) -> bool {
        // SAFETY: the block has this layout, and the size is not zero.
        let start = unsafe { GLOBAL.realloc(self.start, Self::layout(self.size), size) };
        assert!(!start.is_null());
        // SAFETY: the block has so many bytes.
        unsafe { pattern::verify(start, self.size.min(size), self.seed) };
        let stayed = start == self.start;
        (self.start, self.size) = (start, size);
        self.fill();
        stayed
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: the block has so many bytes, and this layout.
        unsafe {
            pattern::verify(self.start, self.size, self.seed);
            GLOBAL.dealloc(self.start, Self::layout(self.size));
        }
    }
}

/// Blocks that grew to each of `sizes`, which have classes, in runs.
fn grown(sizes: &[usize]) -> Vec<Block> {
    let room = 2 * sizes.len() * MIB;
    // It is free then, but backed.
    use_and_free(room, room);
    let before = Cenote::stats().run_bytes;
    let blocks: Vec<_> = sizes
        .iter()
        .zip(1..)
        .map(|(&size, seed)| {
            let mut block = Block::new(size / 2, seed);
            block.resize(size);
            block
        })
        .collect();
    let slices: usize = sizes.iter().map(|size| size.next_multiple_of(16 * KIB)).sum();
    assert_eq!(Cenote::stats().run_bytes - before, slices, "not all of them are in runs");
    blocks
}

#[test]
fn blocks_that_grow_in_turn_are_copied_while_they_are_small_alone() {
    child::run("blocks_that_grow_in_turn_are_copied_while_they_are_small_alone", STILL, || {
        use_and_free(8 * MIB, 8 * MIB);
        for _ in 0..3 {
            let mut blocks: Vec<_> = (0..4).map(|seed| Block::new(16, seed)).collect();
            for size in (5..=20).map(|shift| 1 << shift) {
                for block in &mut blocks {
                    assert!(block.resize(size) || size <= 16 * KIB, "moved at {size} bytes");
                }
            }
            Cenote::check();
        }
    })
    .assert_silent();
}

#[test]
fn what_was_freed_last_is_used_first() {
    child::run("what_was_freed_last_is_used_first", STILL, || {
        for size in [100 * KIB, 300 * KIB, 3 * MIB] {
            let mut blocks: Vec<_> = (0..4).map(|seed| Block::new(size, seed)).collect();
            let _after_them = Block::new(size, 4);
            let mut freed = Vec::new();
            for place in [1, 0, 1] {
                let block = blocks.remove(place);
                freed.push(block.start);
                drop(block);
            }
            let again: Vec<_> = (0..3).map(|seed| Block::new(size, seed)).collect();
            freed.reverse();
            assert_eq!(again.iter().map(|block| block.start).collect::<Vec<_>>(), freed, "{size} bytes");
        }
    })
    .assert_silent();
}

#[test]
fn a_long_block_goes_into_the_smallest_place_that_is_backed() {
    child::run("a_long_block_goes_into_the_smallest_place_that_is_backed", STILL, || {
        const LONG: usize = 300 * KIB;
        let longer = Block::new(2 * LONG, 0);
        let behind_it = Block::new(2 * LONG, 1);
        let long = Block::new(LONG, 2);
        // Some lie in the arena that it ends in.
        let beside: Vec<_> = (0..20).map(|seed| Block::new(40 * KIB, seed)).collect();
        assert!(beside.iter().any(|block| block.start.addr().wrapping_sub(long.start.addr()) < 512 * KIB));
        let place = long.start;
        drop((longer, long));
        // Many others are freed since.
        drop((0..20).map(|seed| Block::new(60 * KIB, seed)).collect::<Vec<_>>());
        assert_eq!(Block::new(LONG, 3).start, place);
        drop((behind_it, beside));
        Cenote::check();
    })
    .assert_silent();
}

#[test]
fn a_block_that_grew_may_shrink() {
    for [long, short] in [[12 * KIB, 9 * KIB], [30 * KIB, 10 * KIB], [16 * KIB, 1], [32 * KIB, 31 * KIB]] {
        let program = || {
            for mut block in grown(&[long; 4]) {
                block.resize(short);
                block.resize(40 * KIB);
                block.resize(short);
            }
            Cenote::check();
        };
        child::run_prepared("a_block_that_grew_may_shrink", STILL, &long.to_string(), |_| {}, program).assert_silent();
    }
}

#[test]
fn a_block_that_grew_cannot_have_more_than_there_is() {
    child::run("a_block_that_grew_cannot_have_more_than_there_is", STILL, || {
        for block in grown(&[16 * KIB, 32 * KIB]) {
            for size in [1 << 62, (1 << 62) + block.size] {
                // SAFETY: the block has this layout.
                let moved = unsafe { GLOBAL.realloc(block.start, Block::layout(block.size), size) };
                assert!(moved.is_null());
            }
        }
    })
    // AddressSanitizer says that it has no memory.
    .assert_succeeded();
}

#[test]
fn blocks_that_grew_are_handed_out_again_and_come_home() {
    child::run("blocks_that_grew_are_handed_out_again_and_come_home", STILL, || {
        const SIZES: [usize; 8] = [9 * KIB, 10 * KIB, 12 * KIB, 16 * KIB, 17 * KIB, 20 * KIB, 31 * KIB, 32 * KIB];
        let in_use = || {
            // What is on its way to another heap counts as in use.
            (0..3).for_each(|_| {
                Cenote::purge();
            });
            Cenote::stats().in_use_bytes
        };
        let before = in_use();
        let blocks = grown(&SIZES);
        let starts: BTreeSet<_> = blocks.iter().map(|block| block.start).collect();
        // Another thread frees them, which takes others of their sizes then.
        let again = thread::spawn(move || {
            drop(blocks);
            SIZES.iter().zip(1..).map(|(&size, seed)| Block::new(size, seed)).collect::<Vec<_>>()
        });
        let again = again.join().expect("the thread finds every pattern");
        let reused = again.iter().filter(|block| starts.contains(&block.start)).count();
        assert_eq!(reused, SIZES.len(), "what was freed last is handed out first");
        for block in &again {
            assert!(usable_size(Block::layout(block.size)) >= block.size);
        }
        drop(again);
        let after = in_use();
        assert!(after <= before + 4 * KIB, "{} bytes did not come home", after - before);
        Cenote::check();
    })
    .assert_silent();
}

#[test]
fn threads_grow_each_others_blocks() {
    const THREADS: u64 = 4;
    const STEPS: usize = 4_000;
    const MAX_BYTES: usize = 100 * KIB;
    child::run("threads_grow_each_others_blocks", &[("PURGE_DELAY_MS", "5")], || {
        let left = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for seed in 0..THREADS {
                let left = &left;
                scope.spawn(move || {
                    let mut random = SplitMix64(seed);
                    for step in 0..STEPS {
                        if step % 100 == 0 {
                            use_and_free(4 * MIB, 4 * MIB);
                        }
                        let found = left.lock().expect("no thread panics").pop();
                        let mut block = found.unwrap_or_else(|| Block::new(1 + random.below(12 * KIB), random.next()));
                        while block.size < MAX_BYTES && random.below(4) != 0 {
                            let size = block.size + 1 + random.below(block.size);
                            block.resize(size);
                        }
                        // One in three goes; others stay for whoever comes next, in any order.
                        if random.below(3) != 0 && block.size < MAX_BYTES {
                            let mut left = left.lock().expect("no thread panics");
                            let place = random.below(left.len() + 1);
                            left.insert(place, block);
                        }
                    }
                });
            }
        });
        drop(left);
        Cenote::check();
    })
    .assert_silent();
}
