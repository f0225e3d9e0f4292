//! Blocks that carry a pattern and are checked against it.
//!
//! A block's first and last eight bytes hold a pattern made from its tag, which is remembered beside the pointer: two live
//! blocks that overlap, and a block whose contents were lost, show when one of them is freed. Writing both ends also makes
//! a block as warm as in the program that just built an object in it.

use crate::mapped::MappedSlice;
use crate::tally::Tally;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::hint::black_box;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The least size a [`Block`] may have: two words that do not overlap.
pub const MIN_SIZE: usize = 16;

/// The alignment of every block, that of a struct of words.
pub const ALIGN: usize = 8;

/// A block in use. It stays in use until it is given back.
///
/// # Invariants
/// 1. `start` is a block of `size` bytes from the global allocator with the layout that `layout` makes; this value alone
///    owns it.
#[derive(Debug)]
#[must_use = "a block is not freed by dropping this"]
pub struct Block {
    start: NonNull<u8>,
    size: u32,
    tag: u32,
}

// SAFETY: it owns plain memory (invariant 1).
unsafe impl Send for Block {}
// SAFETY: a shared reference only tells the size.
unsafe impl Sync for Block {}

/// The layout of `size` bytes, a size the compiler cannot see.
#[inline(always)]
fn layout(size: usize) -> Layout {
    debug_assert!((MIN_SIZE..=u32::MAX as usize).contains(&size));
    // SAFETY: `ALIGN` is a power of two, and `take` admits no size near `isize::MAX`.
    unsafe { Layout::from_size_align_unchecked(black_box(size), ALIGN) }
}

#[inline(always)]
fn pattern(tag: u32) -> u64 {
    (tag as u64 | (tag as u64) << 32) ^ 0xA5C3_96E1_5A3C_691E
}

impl Block {
    /// Takes a block of `size` bytes and writes `tag`'s pattern into both ends.
    ///
    /// # Panics
    /// When `size` is below [`MIN_SIZE`] or does not fit in 32 bits.
    #[inline(always)]
    pub fn take(size: usize, tag: u32) -> Self {
        assert!((MIN_SIZE..=u32::MAX as usize).contains(&size));
        // SAFETY: the size is not zero.
        let Some(start) = NonNull::new(unsafe { alloc(layout(size)) }) else { handle_alloc_error(layout(size)) };
        // SAFETY: both words lie in the block, which is ours; the second need not be aligned.
        unsafe {
            start.cast::<u64>().write(pattern(tag));
            start.add(size - 8).cast::<u64>().write_unaligned(!pattern(tag));
        }
        Self { start, size: size as u32, tag }
    }

    /// Checks the pattern, frees the block and counts its size.
    #[inline(always)]
    pub fn give(self, tally: &mut Tally) {
        self.check(tally);
        self.give_unread(tally);
    }

    /// Frees the block and counts its size; reads only one in eight of them first.
    ///
    /// Where blocks are freed long after their last use, reading each would bring into the cache what an allocator may
    /// leave outside it.
    #[inline(always)]
    pub fn give_cold(self, tally: &mut Tally) {
        if self.tag.is_multiple_of(8) {
            self.check(tally);
        }
        self.give_unread(tally);
    }

    /// Notes damage unless the pattern is there.
    #[inline(always)]
    pub fn check(&self, tally: &mut Tally) {
        // SAFETY: invariant 1; both words lie in the block and `take` wrote them.
        let (first, last) = unsafe {
            (self.start.cast::<u64>().read(), self.start.add(self.size() - 8).cast::<u64>().read_unaligned())
        };
        if first != pattern(self.tag) || last != !first {
            tally.damage(format_args!("a block of {} bytes at {:p}", self.size, self.start));
        }
    }

    #[inline(always)]
    fn give_unread(self, tally: &mut Tally) {
        tally.add(self.size as u64);
        // SAFETY: invariant 1, and `self` is consumed.
        unsafe { dealloc(self.start.as_ptr(), layout(self.size())) };
    }

    /// The block's size in bytes.
    #[inline(always)]
    pub fn size(&self) -> usize {
        self.size as usize
    }

    /// Writes into every byte of the block between its patterns.
    #[inline]
    pub fn fill(&mut self) {
        // SAFETY: invariant 1; the range lies inside the block, between the two words of the pattern.
        unsafe { self.start.add(8).write_bytes(self.tag as u8, self.size() - MIN_SIZE) };
    }

    /// One word for an atomic slot: the address above sixteen bits of size. Never zero.
    ///
    /// The tag is left out: [`unpack`](Self::unpack) reads it from the block.
    ///
    /// # Panics
    /// When the size does not fit in 16 bits or the address not in 48.
    #[inline(always)]
    pub(crate) fn pack(self) -> usize {
        let address = self.start.as_ptr().expose_provenance();
        assert!(self.size <= u16::MAX as u32 && address >> 48 == 0);
        address << 16 | self.size()
    }

    /// The block that [`pack`](Self::pack) made `word` of.
    ///
    /// # Safety
    /// `word` is a packed block that nobody else will unpack.
    #[inline(always)]
    pub(crate) unsafe fn unpack(word: usize) -> Self {
        let start = std::ptr::with_exposed_provenance_mut::<u8>(word >> 16);
        // SAFETY: the caller vouches that `word` was made of a block, so the address is not null.
        let start = unsafe { NonNull::new_unchecked(start) };
        // SAFETY: as before; the first word was written by `take`.
        let tag = unsafe { start.cast::<u64>().read() } ^ pattern(0);
        Self { start, size: (word & 0xFFFF) as u32, tag: tag as u32 }
    }
}

/// Frees the block in `place`, if there is one, and takes one of `size` bytes instead.
#[inline(always)]
pub fn renew(place: &mut Option<Block>, size: usize, tag: u32, tally: &mut Tally) {
    if let Some(old) = place.take() {
        old.give_cold(tally);
    }
    *place = Some(Block::take(size, tag));
}

/// An array of places for blocks, in memory that does not come from the allocator. Frees what is left when dropped.
#[derive(Debug)]
pub struct Places(MappedSlice<Option<Block>>);

impl Places {
    /// `count` empty places.
    ///
    /// # Panics
    /// When `count` is zero.
    pub fn new(count: usize) -> Self {
        Self(MappedSlice::new(count, |_| None))
    }

    /// Frees every block, in order, reading one in eight.
    pub fn give_all(&mut self, tally: &mut Tally) {
        for block in self.0.iter_mut().filter_map(Option::take) {
            block.give_cold(tally);
        }
    }
}

impl Deref for Places {
    type Target = [Option<Block>];

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Places {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        self.give_all(&mut Tally::default());
    }
}

/// Places for blocks that threads exchange, in memory that does not come from the allocator. Frees what is left when
/// dropped.
///
/// # Invariants
/// 1. Each word is zero or a packed block that this value owns.
#[derive(Debug)]
pub struct SharedPlaces(MappedSlice<AtomicUsize>);

impl SharedPlaces {
    /// `count` empty places.
    ///
    /// # Panics
    /// When `count` is zero.
    pub fn new(count: usize) -> Self {
        Self(MappedSlice::new(count, |_| AtomicUsize::new(0)))
    }

    /// How many places there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Puts `block` into place `index` and returns what was there.
    ///
    /// # Panics
    /// When there is no such place, or the block is of 64 KiB or more.
    #[inline(always)]
    pub fn exchange(&self, index: usize, block: Option<Block>) -> Option<Block> {
        let word = block.map_or(0, Block::pack);
        // ORDERING: Release hands our block over, Acquire receives the other's contents; pairs with itself.
        let old = self.0[index].swap(word, Ordering::AcqRel);
        // SAFETY: invariant 1, and the swap took this block out of its place.
        (old != 0).then(|| unsafe { Block::unpack(old) })
    }

    /// Frees every block.
    pub fn give_all(&self, tally: &mut Tally) {
        for block in (0..self.count()).filter_map(|index| self.exchange(index, None)) {
            block.give(tally);
        }
    }
}

impl Drop for SharedPlaces {
    fn drop(&mut self) {
        self.give_all(&mut Tally::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_packing() {
        let mut block = Block::take(100, 77);
        block.fill();
        let (start, word) = (block.start, block.pack());
        // SAFETY: packed just now, unpacked once.
        let again = unsafe { Block::unpack(word) };
        assert_eq!((again.start, again.size, again.tag), (start, 100, 77));
        let mut tally = Tally::default();
        again.give(&mut tally);
        assert_eq!(tally.outcome(), Ok(100));
    }

    #[test]
    fn damage_at_either_end_is_found() {
        for index in [0, 63] {
            let mut tally = Tally::default();
            let block = Block::take(64, 8);
            // SAFETY: a byte of our own block.
            unsafe { block.start.add(index).write(0) };
            block.give_cold(&mut tally);
            assert!(tally.outcome().is_err_and(|damage| damage.contains("a block of 64 bytes")));
        }
    }
}
