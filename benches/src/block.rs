//! Blocks that carry a pattern and are checked against it.
//!
//! A block's first and last eight bytes hold a pattern made from its tag, which the harness remembers beside the
//! pointer: two live blocks that overlap, and a block whose contents were lost, show when one of them is freed. Writing
//! both ends also makes a block as warm as the program that just built an object in it.

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;

/// The least size a [`Block`] may have: two words that do not overlap.
pub const MIN_SIZE: usize = 16;

/// The alignment of every block, that of a struct of words.
pub const ALIGN: usize = 8;

/// One block in use, or none.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    start: *mut u8,
    size: u32,
    tag: u32,
}

// SAFETY: a block is plain memory; whoever holds the value is the one that may use and free it.
unsafe impl Send for Block {}

/// The layout of `size` bytes, a size the compiler cannot see.
#[inline(always)]
fn layout(size: usize) -> Layout {
    debug_assert!((MIN_SIZE..=u32::MAX as usize).contains(&size));
    // SAFETY: `ALIGN` is a power of two, and no caller's size comes near `isize::MAX`.
    unsafe { Layout::from_size_align_unchecked(black_box(size), ALIGN) }
}

#[inline(always)]
fn pattern(tag: u32) -> u64 {
    (tag as u64 | (tag as u64) << 32) ^ 0xA5C3_96E1_5A3C_691E
}

#[cold]
#[inline(never)]
fn broken(start: *mut u8, size: usize) -> ! {
    panic!("the block of {size} bytes at {start:p} does not hold what was written into it")
}

impl Block {
    /// No block.
    pub const NONE: Self = Self { start: std::ptr::null_mut(), size: 0, tag: 0 };

    /// Takes a block of `size` bytes, at least [`MIN_SIZE`], and writes `tag`'s pattern into both ends.
    ///
    /// # Panics
    /// When the allocator returns null.
    #[inline(always)]
    pub fn take<A: GlobalAlloc>(alloc: &A, size: usize, tag: u32) -> Self {
        // SAFETY: sizes are at least `MIN_SIZE`, so not zero.
        let start = unsafe { alloc.alloc(layout(size)) };
        assert!(!start.is_null(), "allocation failed");
        // SAFETY: both words lie in the block, which is ours; the second need not be aligned.
        unsafe {
            start.cast::<u64>().write(pattern(tag));
            start.add(size - 8).cast::<u64>().write_unaligned(!pattern(tag));
        }
        Self { start, size: size as u32, tag }
    }

    /// Checks the pattern and frees the block; returns its size.
    ///
    /// # Panics
    /// When the pattern is not there any more, or there is no block.
    #[inline(always)]
    pub fn give<A: GlobalAlloc>(self, alloc: &A) -> usize {
        self.check();
        self.give_unread(alloc)
    }

    /// Frees the block, reading only one in eight of them first; returns its size.
    ///
    /// Where blocks are freed long after their last use, reading each would bring into the cache what an allocator may
    /// leave outside it.
    ///
    /// # Panics
    /// When a block that is read does not hold its pattern.
    #[inline(always)]
    pub fn give_cold<A: GlobalAlloc>(self, alloc: &A) -> usize {
        if self.tag & 7 == 0 {
            self.check();
        }
        self.give_unread(alloc)
    }

    #[inline(always)]
    fn check(self) {
        let size = self.size as usize;
        assert!(self.is_some());
        // SAFETY: `take` made this block and both words lie in it; `give` consumes it, so it is still in use.
        let (first, last) =
            unsafe { (self.start.cast::<u64>().read(), self.start.add(size - 8).cast::<u64>().read_unaligned()) };
        if first != pattern(self.tag) || last != !first {
            broken(self.start, size);
        }
    }

    #[inline(always)]
    fn give_unread<A: GlobalAlloc>(self, alloc: &A) -> usize {
        let size = self.size as usize;
        // SAFETY: the block came from `take` with this very layout; the harness gives each block once, and hands it to the
        // allocator it was taken from, since a workload knows only one.
        unsafe { alloc.dealloc(self.start, layout(size)) };
        size
    }

    /// Whether there is a block.
    #[inline(always)]
    pub fn is_some(self) -> bool {
        !self.start.is_null()
    }

    /// The block's size in bytes.
    #[inline(always)]
    pub fn size(self) -> usize {
        self.size as usize
    }

    /// Writes into every byte of the block between its patterns.
    #[inline]
    pub fn fill(self) {
        if self.size() > MIN_SIZE {
            // SAFETY: the range lies inside the block, between the two words of the pattern.
            unsafe { self.start.add(8).write_bytes(self.tag as u8, self.size() - MIN_SIZE) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::System;

    #[test]
    #[should_panic(expected = "does not hold")]
    fn a_lost_pattern_is_found() {
        let block = Block::take(&System, 64, 8);
        // SAFETY: the last byte of our own block.
        unsafe { block.start.add(63).write(0) };
        block.give_cold(&System);
    }
}
