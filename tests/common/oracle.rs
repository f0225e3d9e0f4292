//! What an allocator has handed out, checked for alignment, overlap and unchanged contents.

use std::collections::BTreeMap;

use crate::pattern;

/// A block, filled with the pattern of its seed.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    pub start: *mut u8,
    pub len: usize,
    seed: u64,
}

/// All live blocks. Blocks of no bytes have an address too, but share it with anything.
#[derive(Default)]
pub struct Oracle {
    live: BTreeMap<usize, Block>,
    blocks_seen: u64,
}

impl Oracle {
    /// Takes note of a new block, and fills it.
    ///
    /// # Safety
    /// Nobody but the caller uses the `len` bytes at `start`, if the allocator under test is right.
    pub unsafe fn add(&mut self, start: *mut u8, len: usize, align: usize) -> Block {
        assert!(!start.is_null(), "no memory for {len} bytes");
        assert!(start.addr().is_multiple_of(align), "{start:p} is not aligned to {align}");
        self.blocks_seen += 1;
        let block = Block { start, len, seed: self.blocks_seen };
        if len > 0 {
            if let Some((_, before)) = self.live.range(..start.addr() + len).next_back() {
                assert!(before.start.addr() + before.len <= start.addr(), "{block:?} overlaps {before:?}");
            }
            self.live.insert(start.addr(), block);
            // SAFETY: the caller's promise, and no block known to us is here.
            unsafe { pattern::fill(start, len, block.seed) };
        }
        block
    }

    /// Verifies a block that is about to be freed, and forgets it.
    pub fn remove(&mut self, block: Block) {
        // SAFETY: the block was added by a caller who owns it.
        unsafe { pattern::verify(block.start, block.len, block.seed) };
        if block.len > 0 {
            self.live.remove(&block.start.addr()).expect("the block is live");
        }
    }

    /// Takes note that `old` was moved to `start`, keeping its first `kept` bytes.
    ///
    /// # Safety
    /// As for [`add`](Self::add).
    pub unsafe fn replace(&mut self, old: Block, kept: usize, start: *mut u8, len: usize, align: usize) -> Block {
        assert!(!start.is_null(), "no memory for {len} bytes");
        // SAFETY: the caller owns `len` bytes at `start`.
        unsafe { pattern::verify(start, kept.min(len), old.seed) };
        if old.len > 0 {
            self.live.remove(&old.start.addr()).expect("the block is live");
        }
        // SAFETY: the caller's promise.
        unsafe { self.add(start, len, align) }
    }

    /// Verifies all live blocks.
    pub fn verify_all(&self) {
        for block in self.live.values() {
            // SAFETY: the block was added by a caller who owns it.
            unsafe { pattern::verify(block.start, block.len, block.seed) };
        }
    }
}
