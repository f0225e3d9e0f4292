//! A pool's descriptor and its free list.
//!
//! The free list is a bitmap: bit `i` is set if block `i` is free and was in use before. Blocks from `fresh` on were never
//! used; their bits are clear. So untouched memory stays untouched, low addresses go out first, a second free of a
//! block finds its bit set, and a pointer into the middle of a block leaves a rest when divided.
//!
//! # Invariants
//! 1. `free` is the number of bits set; all of them are below `fresh`.
//! 2. Bits of OS pages in `purged` say that the page holds no block in use and is not backed by memory.
//! 3. A descriptor lies where the metadata of its pool's first slice does.
//! 4. The list is [`UNLISTED`](Pool::UNLISTED) if and only if no block can be taken.
//! 5. While `free` is below `look_at`, the pool is in the list that it is wanted in, and holds a block in use.

use super::{METADATA, Metadata, TINY_BITS, address_of};
use crate::base::config::*;
use crate::base::size_class::{Class, RECIPROCAL_SHIFT, TABLE, is_tiny};
use crate::os::page_bytes;
use crate::sync::NIL;

/// See the module. Touched only under the lock of the heap that owns the pool.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Pool {
    /// Links in the owner's list of pools of this class and fullness.
    pub(crate) previous: u32,
    pub(crate) next: u32,
    /// Links in the owner's list of all pools.
    pub(crate) all_previous: u32,
    pub(crate) all_next: u32,
    purged: u64,
    fresh: u16,
    free: u16,
    /// Free blocks from which on the owner looks at the pool again: to list it elsewhere, or to release it.
    look_at: u16,
    class: u8,
    /// The binary logarithm of the number of slices, the list by fullness, and flags.
    state: u8,
}

const _: () = assert!(size_of::<Pool>() == DESCRIPTOR_WORDS * size_of::<u64>());
const _: () = assert!(ARENA_SLICES.ilog2() < 1 << LIST_SHIFT);

/// Parts of [`Pool::state`]: which of the owner's lists by fullness the pool is in; blocks were taken or put back since the
/// purger last looked; pages may be free that are not purged.
const LIST_SHIFT: u32 = 3;
const TOUCHED: u8 = 1 << 6;
const PURGEABLE: u8 = 1 << 7;

/// A free that the free list shows to be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Misuse {
    DoubleFree,
    NotABlock,
}

/// Blocks that were taken.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Taken {
    pub(crate) blocks: usize,
    /// How many of them, the last ones, were never in use before.
    pub(crate) never_used: usize,
}

impl Pool {
    /// The lists by fullness: three quarters and more in use, one half, one quarter, less.
    pub(crate) const LISTS: usize = 4;
    pub(crate) const UNLISTED: u8 = 7;

    pub(crate) fn new(slices: u32, class: usize, clean: bool) -> Self {
        Self {
            previous: NIL,
            next: NIL,
            all_previous: NIL,
            all_next: NIL,
            purged: if clean { u64::MAX } else { 0 },
            fresh: 0,
            free: 0,
            look_at: 0,
            class: class as u8,
            state: slices.ilog2() as u8 | Self::UNLISTED << LIST_SHIFT | TOUCHED | if clean { 0 } else { PURGEABLE },
        }
    }

    /// The pool's first slice.
    pub(crate) fn first(&self) -> u32 {
        // SAFETY: by invariant 3 the descriptor lies in that array, at the start of an element.
        unsafe { (&raw const *self).cast::<Metadata>().offset_from_unsigned(METADATA.base()) as u32 }
    }

    pub(crate) fn class(&self) -> usize {
        self.class as usize
    }

    fn table(&self) -> &'static Class {
        &TABLE[self.class as usize]
    }

    pub(crate) fn slices(&self) -> u32 {
        1 << (self.state & ((1 << LIST_SHIFT) - 1))
    }

    /// Blocks there are room for.
    pub(crate) fn blocks(&self) -> u32 {
        // Its slices' bytes are an offset as any other.
        (((u64::from(self.slices()) << SLICE_SHIFT) * self.table().reciprocal) >> RECIPROCAL_SHIFT) as u32
    }

    /// Which of the owner's lists by fullness this is in.
    pub(crate) fn list(&self) -> u8 {
        (self.state & !(TOUCHED | PURGEABLE)) >> LIST_SHIFT
    }

    pub(crate) fn set_list(&mut self, list: u8) {
        self.state = self.state & !(Self::UNLISTED << LIST_SHIFT) | list << LIST_SHIFT;
    }

    /// Whether blocks were taken or put back since this was last called.
    pub(crate) fn take_touched(&mut self) -> bool {
        let touched = self.state & TOUCHED != 0;
        self.state &= !TOUCHED;
        touched
    }

    /// Blocks that are not in this pool: in use or cached.
    pub(crate) fn used(&self) -> u32 {
        self.fresh as u32 - self.free as u32
    }

    /// Blocks that can be taken.
    pub(crate) fn available(&self) -> u32 {
        self.blocks() - self.used()
    }

    /// The list by fullness that invariant 4 and the heap want this pool in.
    pub(crate) fn wanted_list(&self) -> u8 {
        let (used, blocks) = (self.used(), self.blocks());
        if used == blocks {
            return Self::UNLISTED;
        }
        // `LISTS - 1 - used * LISTS / blocks`, without the division.
        (1..Self::LISTS as u32).filter(|part| used * (Self::LISTS as u32) < part * blocks).count() as u8
    }

    /// Whether the owner has to look at this pool, by invariant 5.
    #[inline]
    pub(crate) fn wants_look(&self) -> bool {
        self.free >= self.look_at
    }

    /// The owner has looked: this pool is in the list it is wanted in.
    pub(crate) fn looked(&mut self) {
        let blocks = self.blocks();
        // The most blocks in use with which it belongs elsewhere, or none.
        let used = match self.list() {
            Self::UNLISTED => blocks - 1,
            list => ((Self::LISTS as u32 - 1 - u32::from(list)) * blocks).saturating_sub(1) / Self::LISTS as u32,
        };
        self.look_at = self.fresh - used as u16;
    }

    #[inline]
    fn bits(&self) -> *mut u64 {
        FreeLists::of(self.class()).words_of(self.first())
    }

    /// Makes the free list of a new pool empty, whatever was there before.
    pub(crate) fn clear(&mut self) {
        let words = (self.blocks() as usize).div_ceil(64);
        // SAFETY: a pool's slices have words for all its blocks.
        unsafe { core::ptr::write_bytes(self.bits(), 0, words) };
    }

    /// Takes up to `want` blocks, low addresses first, and writes them to `out` in that order.
    ///
    /// # Safety
    /// `out` has room for `want` pointers.
    pub(crate) unsafe fn take(&mut self, out: *mut *mut u8, want: usize) -> Taken {
        let class = self.table();
        let size = class.size as usize;
        let base = address_of(self.first());
        let bits = self.bits();
        let (mut lowest, mut highest) = (usize::MAX, 0);
        let mut taken = 0;
        let mut word = 0;
        let from_bits = want.min(self.free as usize);
        while taken < from_bits {
            // SAFETY: `free` bits are set (invariant 1) and fewer were taken, so a set bit follows.
            let free = unsafe { &mut *bits.add(word) };
            if *free == 0 {
                word += 1;
                continue;
            }
            lowest = lowest.min(word * 64 + free.trailing_zeros() as usize);
            let start = base.wrapping_add(word * 64 * size);
            while *free != 0 && taken < from_bits {
                let bit = free.trailing_zeros() as usize;
                *free &= *free - 1;
                highest = word * 64 + bit;
                // SAFETY: `taken < want`, for which the caller left room.
                unsafe { *out.add(taken) = start.wrapping_add(bit * size) };
                taken += 1;
            }
        }
        self.free -= taken as u16;
        let never_used = (want - taken).min(self.blocks() as usize - self.fresh as usize);
        if never_used > 0 {
            let start = self.fresh as usize;
            for block in start..start + never_used {
                // SAFETY: as above.
                unsafe { *out.add(taken) = base.wrapping_add(block * size) };
                taken += 1;
            }
            lowest = lowest.min(start);
            highest = start + never_used - 1;
            self.fresh += never_used as u16;
        }
        if self.purged != 0 && taken > 0 {
            let page = page_bytes();
            self.purged &= !page_range(lowest * size / page, (highest * size + size - 1) / page);
        }
        self.state |= TOUCHED;
        Taken { blocks: taken, never_used }
    }

    /// Why `block`, which lies in this pool, cannot be put back.
    pub(crate) fn misuse_of(&self, block: *mut u8) -> Misuse {
        let offset = block as usize - address_of(self.first()) as usize;
        let size = self.table().size as usize;
        if offset >= self.fresh as usize * size || !offset.is_multiple_of(size) {
            Misuse::NotABlock
        } else {
            Misuse::DoubleFree
        }
    }

    /// Purges the OS pages that hold no block in use and are backed by memory, by `purge(address, bytes)`, which tells
    /// whether it could. Returns the bytes purged.
    pub(crate) fn purge_pages(&mut self, mut purge: impl FnMut(*mut u8, usize) -> bool) -> usize {
        if self.state & PURGEABLE == 0 {
            return 0;
        }
        self.state &= !PURGEABLE;
        let page = page_bytes();
        let bytes = self.slices() as usize * SLICE_BYTES;
        if page > bytes {
            return 0;
        }
        let all = page_range(0, bytes / page - 1);
        let base = address_of(self.first());
        let mut idle = all & !self.pages_in_use() & !self.purged;
        let mut purged = 0;
        while idle != 0 {
            let first = idle.trailing_zeros() as usize;
            let count = (idle >> first).trailing_ones() as usize;
            let run = page_range(first, first + count - 1);
            if purge(base.wrapping_add(first * page), count * page) {
                self.purged |= run;
                purged += count * page;
            }
            idle &= !run;
        }
        purged
    }

    /// The mask of slices of which nothing is backed by memory.
    pub(crate) fn purged_slices(&self) -> u32 {
        let page = page_bytes();
        let is_purged = |slice: &u32| {
            let start = *slice as usize * SLICE_BYTES;
            let pages = page_range(start / page, (start + SLICE_BYTES - 1) / page);
            self.purged & pages == pages
        };
        (0..self.slices()).filter(is_purged).fold(0, |mask, slice| mask | 1 << slice)
    }

    /// The OS pages that hold a part of a block in use.
    fn pages_in_use(&self) -> u64 {
        let size = self.table().size as usize;
        let page = page_bytes();
        let (bits, words) = (self.bits(), (self.fresh as usize).div_ceil(64));
        let mut pages = 0;
        for word in 0..words {
            // SAFETY: a pool's slices have words for all its blocks.
            let mut used = !unsafe { *bits.add(word) };
            let left = self.fresh as usize - word * 64;
            if left < 64 {
                used &= (1 << left) - 1;
            }
            while used != 0 {
                let block = word * 64 + used.trailing_zeros() as usize;
                used &= used - 1;
                pages |= page_range(block * size / page, (block * size + size - 1) / page);
            }
        }
        pages
    }

    /// Panics unless the invariants of the free list hold.
    pub(crate) fn check(&self) {
        let (first, bits) = (self.first(), self.bits());
        let words = (self.blocks() as usize).div_ceil(64);
        let mut free = 0;
        for word in 0..words {
            // SAFETY: a pool's slices have words for all its blocks.
            let bits = unsafe { *bits.add(word) };
            free += bits.count_ones();
            let limit = (self.fresh as usize).saturating_sub(word * 64);
            assert!(limit >= 64 || bits >> limit == 0, "pool {first}: a never-used block in the free list");
        }
        assert_eq!(free, self.free as u32, "pool {first}: the count of the free list");
        assert!(self.fresh as u32 <= self.blocks(), "pool {first}: the high-water mark");
        assert!(!self.wants_look() || self.used() == 0, "pool {first}: when to look at it");
        assert_eq!(self.list() == Self::UNLISTED, self.available() == 0, "pool {first}: listed if not full");
        assert_eq!(self.purged & self.pages_in_use(), 0, "pool {first}: a page in use counted as purged");
    }
}

/// The free lists of all pools of a class, and what finds a block in them: read once for many blocks.
pub(crate) struct FreeLists {
    words: *mut u64,
    words_per_slice: usize,
    memory: usize,
    size: usize,
    reciprocal: u64,
}

impl FreeLists {
    #[inline]
    pub(crate) fn of(class: usize) -> Self {
        let Class { size, reciprocal, .. } = TABLE[class];
        let (words, words_per_slice) = if is_tiny(class) {
            (TINY_BITS.base().cast(), TINY_WORDS_PER_SLICE)
        } else {
            (METADATA.base().cast::<u64>().wrapping_add(DESCRIPTOR_WORDS), METADATA_WORDS)
        };
        Self { words, words_per_slice, memory: address_of(0) as usize, size: size as usize, reciprocal }
    }

    /// The free list of the pool that starts at slice `first`.
    #[inline]
    fn words_of(&self, first: u32) -> *mut u64 {
        self.words.wrapping_add(first as usize * self.words_per_slice)
    }

    /// Puts `blocks`, the first of which lies in `pool`, back up to one that lies elsewhere or cannot be put back. Returns how
    /// many: none if the first cannot. The pool starts at slice `first`: so its free list is found without waiting for the
    /// descriptor, which has often left the cache.
    #[inline(always)]
    pub(crate) fn put(&self, pool: &mut Pool, first: u32, blocks: &[*mut u8]) -> usize {
        let base = self.memory + ((first as usize) << SLICE_SHIFT);
        let words = self.words_of(first);
        let fresh_at = pool.fresh as usize * self.size;
        let mut put = 0;
        for &address in blocks {
            let offset = (address as usize).wrapping_sub(base);
            let block = ((offset as u64).wrapping_mul(self.reciprocal) >> RECIPROCAL_SHIFT) as usize;
            if offset >= fresh_at || block * self.size != offset {
                break;
            }
            let bit = 1 << (block % 64);
            // SAFETY: a pool's slices have words for all its blocks, and `block` is below `fresh`.
            let free = unsafe { &mut *words.add(block / 64) };
            if *free & bit != 0 {
                break;
            }
            *free |= bit;
            put += 1;
        }
        pool.free += put as u16;
        pool.state |= TOUCHED | PURGEABLE;
        put
    }
}

/// The mask of pages `first ..= last`.
#[inline]
fn page_range(first: usize, last: usize) -> u64 {
    debug_assert!(first <= last && last < 64);
    (u64::MAX >> (63 - (last - first))) << first
}
