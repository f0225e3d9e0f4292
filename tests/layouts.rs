//! Blocks of all sizes and alignments: where they lie, and that they keep what is written to them.

use std::alloc::{GlobalAlloc, Layout};
use std::collections::VecDeque;

use cenote::Cenote;

use oracle::{Block, Oracle};
use rng::SplitMix64;
use zero::verify_zero;

#[path = "common/oracle.rs"]
mod oracle;
#[path = "common/pattern.rs"]
mod pattern;
#[path = "common/rng.rs"]
mod rng;
#[path = "common/zero.rs"]
mod zero;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Beyond the size classes of any allocator of this family.
const MAX_DENSE_SIZE: usize = 70_000;

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a valid layout")
}

/// Powers of two.
fn alignments(max: usize) -> impl Iterator<Item = usize> + Clone {
    (0..=max.ilog2()).map(|shift| 1 << shift)
}

/// A power of two, give or take one.
fn around(power: usize) -> [usize; 3] {
    [power - 1, power, power + 1]
}

/// Live blocks, up to some number; a random one makes room for the next.
struct Window {
    oracle: Oracle,
    blocks: VecDeque<(Block, Layout)>,
    max_blocks: usize,
    random: SplitMix64,
}

impl Window {
    fn new(max_blocks: usize) -> Self {
        Self { oracle: Oracle::default(), blocks: VecDeque::new(), max_blocks, random: SplitMix64(1) }
    }

    fn alloc(&mut self, layout: Layout) {
        if self.blocks.len() == self.max_blocks {
            let victim = self.random.below(self.blocks.len());
            self.free(victim);
        }
        // SAFETY: every layout in this file has a size.
        let start = unsafe { GLOBAL.alloc(layout) };
        // SAFETY: the block is ours now.
        let block = unsafe { self.oracle.add(start, layout.size(), layout.align()) };
        self.blocks.push_back((block, layout));
    }

    fn free(&mut self, index: usize) {
        let (block, layout) = self.blocks.swap_remove_back(index).expect("a block in the window");
        self.oracle.remove(block);
        // SAFETY: allocated with this layout, and no longer in the window.
        unsafe { GLOBAL.dealloc(block.start, layout) };
    }

    fn realloc(&mut self, index: usize, new_size: usize) {
        let (block, old) = self.blocks[index];
        // SAFETY: allocated with this layout; the callers' sizes are valid with every alignment here.
        let start = unsafe { GLOBAL.realloc(block.start, old, new_size) };
        // SAFETY: the block is ours in its new place.
        let block = unsafe { self.oracle.replace(block, old.size(), start, new_size, old.align()) };
        self.blocks[index] = (block, layout(new_size, old.align()));
    }

    fn finish(mut self) {
        self.oracle.verify_all();
        while !self.blocks.is_empty() {
            self.free(0);
        }
        Cenote::check();
    }
}

#[test]
fn every_size() {
    let mut window = Window::new(300);
    for (size, align) in (1..=MAX_DENSE_SIZE).zip(alignments(4096).cycle()) {
        window.alloc(layout(size, align));
    }
    window.finish();
}

#[test]
fn sizes_with_every_alignment() {
    let mut window = Window::new(300);
    for size in (1..1100).chain((1100..=MAX_DENSE_SIZE).step_by(61)) {
        for align in alignments(4096) {
            window.alloc(layout(size, align));
        }
    }
    window.finish();
}

#[test]
fn many_blocks_of_one_size() {
    for size in [1, 8, 24, 48, 100, 640, 5000] {
        let mut window = Window::new(30_000.min(8 * MIB / size));
        for _ in 0..2 * window.max_blocks {
            window.alloc(layout(size, 1));
        }
        window.finish();
    }
}

#[test]
fn random_sizes() {
    let mut window = Window::new(2000);
    for align in alignments(64).cycle().take(60_000) {
        let size = window.random.size(128 * KIB);
        window.alloc(layout(size, align));
    }
    window.finish();
}

#[test]
fn large_sizes_and_alignments() {
    let mut window = Window::new(5);
    let powers = [128 * KIB, 256 * KIB, 512 * KIB, MIB, 2 * MIB, 4 * MIB];
    let sizes = powers.into_iter().flat_map(around).chain([MAX_DENSE_SIZE, 5 * MIB + 123, 16 * MIB, 64 * MIB]);
    for size in sizes {
        for align in [1, 16, 4 * KIB, 8 * KIB, 64 * KIB, 256 * KIB, MIB, 2 * MIB] {
            window.alloc(layout(size, align));
        }
    }
    window.finish();
}

#[test]
fn small_sizes_with_large_alignments() {
    let mut window = Window::new(100);
    for size in [1, 24, 4096, 30_000] {
        for align in alignments(2 * MIB) {
            for _ in 0..5 {
                window.alloc(layout(size, align));
            }
        }
    }
    window.finish();
}

/// Dirties blocks of a layout, frees them, and takes zeroed ones.
fn zero_after_dirt(layout: Layout, blocks: usize, between: impl Fn()) {
    let take = |zeroed: bool| {
        // SAFETY: every layout in this file has a size.
        let start = unsafe { if zeroed { GLOBAL.alloc_zeroed(layout) } else { GLOBAL.alloc(layout) } };
        assert!(!start.is_null());
        assert!(start.addr().is_multiple_of(layout.align()));
        if zeroed {
            // SAFETY: the block is ours.
            unsafe { verify_zero(start, layout.size()) };
        }
        // SAFETY: the block is ours.
        unsafe { start.write_bytes(0xff, layout.size()) };
        start
    };
    for zeroed in [false, true, true] {
        let taken: Vec<_> = (0..blocks).map(|_| take(zeroed)).collect();
        for start in taken {
            // SAFETY: allocated above with this layout.
            unsafe { GLOBAL.dealloc(start, layout) };
        }
        between();
    }
}

#[test]
fn zeroed_blocks_are_zero() {
    for size in (1..1100).step_by(7).chain((1100..=MAX_DENSE_SIZE).step_by(491)) {
        zero_after_dirt(layout(size, 1), 8, || {});
        zero_after_dirt(layout(size, 64), 8, || {});
    }
    for size in [100 * KIB, 128 * KIB + 1, MIB, 9 * MIB] {
        zero_after_dirt(layout(size, 1), 3, || {});
        zero_after_dirt(layout(size, 8 * KIB), 3, || {});
    }
}

#[test]
fn zeroed_blocks_are_zero_after_a_purge() {
    for size in [8, 48, 1000, 5000, 33_000, 200 * KIB] {
        zero_after_dirt(layout(size, 1), 4 * MIB / size.max(100), || {
            Cenote::purge();
        });
    }
}

/// Sizes on both sides of what may be a border between classes.
fn ladder() -> Vec<usize> {
    let mut sizes = vec![1, 7, 24, 48, 100, 1000, 10_000, 5 * MIB];
    for power in [8, 16, 32, 64, 256, KIB, 4 * KIB, 16 * KIB, 32 * KIB, 64 * KIB, 128 * KIB, 256 * KIB, MIB] {
        sizes.extend(around(power));
    }
    sizes.sort_unstable();
    sizes
}

#[test]
fn realloc_between_all_sizes() {
    let ladder = ladder();
    for align in [1, 16, 64, 4 * KIB] {
        let mut window = Window::new(4);
        for &from in &ladder {
            for &to in &ladder {
                window.alloc(layout(from, align));
                window.realloc(window.blocks.len() - 1, to);
            }
        }
        window.finish();
    }
}

#[test]
fn realloc_step_by_step_among_neighbours() {
    let mut window = Window::new(64);
    for index in 0..window.max_blocks {
        window.alloc(layout(1 + index % 50, 1 << (index % 8)));
    }
    for round in 0..200 {
        for index in 0..window.max_blocks {
            let size = window.blocks[index].1.size();
            let new_size = match (index + round / 50) % 4 {
                0 => size + 1,
                1 => size + size / 2 + 1,
                2 => size - size / 3,
                _ => size.saturating_sub(1).max(1),
            };
            window.realloc(index, if new_size > MIB { 1 } else { new_size });
        }
    }
    window.finish();
}

#[test]
fn absurd_sizes_are_refused() {
    let kept = layout(100, 8);
    // SAFETY: the layout has a size.
    let start = unsafe { GLOBAL.alloc(kept) };
    assert!(!start.is_null());
    // SAFETY: the block is ours.
    unsafe { pattern::fill(start, kept.size(), 1) };

    for align in alignments(2 * MIB) {
        let max = isize::MAX as usize - (align - 1);
        for size in [max, max - 1, max - 2 * MIB, max / 2, 1 << 62, 1 << 48] {
            let absurd = layout(size, align);
            // SAFETY: the layout has a size.
            let block = unsafe { GLOBAL.alloc(absurd) };
            assert!(block.is_null(), "{absurd:?}");
            // SAFETY: the layout has a size.
            let block = unsafe { GLOBAL.alloc_zeroed(absurd) };
            assert!(block.is_null(), "{absurd:?}");
        }
    }
    for new_size in [isize::MAX as usize - (kept.align() - 1), 1 << 62, 1 << 48] {
        // SAFETY: allocated above with this layout; the new size is valid with its alignment.
        let moved = unsafe { GLOBAL.realloc(start, kept, new_size) };
        assert!(moved.is_null(), "{new_size}");
    }
    // SAFETY: a realloc that fails leaves the block as it was.
    unsafe { pattern::verify(start, kept.size(), 1) };
    // SAFETY: allocated above with this layout.
    unsafe { GLOBAL.dealloc(start, kept) };
    Cenote::check();
}
