//! A pool's descriptor and its free list.
//!
//! The free list is a bitmap: bit `i` is set if block `i` is free and was in use before. Blocks from `fresh` on were never
//! used; their bits are clear. So untouched memory stays untouched, low addresses go out first, a second free of a
//! block finds its bit set, and a pointer into the middle of a block leaves a rest when divided.
//!
//! # Invariants
//! 1. `free` is the number of bits set; all of them are below `fresh`, and none is in a word before `hint`.
//! 2. Bits of OS pages in `purged` say that the page holds no block in use and is not backed by memory.
//! 3. A descriptor lies where the metadata of its pool's first slice does.
//! 4. `list` is [`UNLISTED`](Pool::UNLISTED) if and only if no block can be taken.

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
    hint: u8,
    class: u8,
    /// Which of the owner's lists by fullness this is in.
    pub(crate) list: u8,
    /// The binary logarithm of the number of slices, and flags.
    shape: u8,
}

const _: () = assert!(size_of::<Pool>() == DESCRIPTOR_WORDS * size_of::<u64>());
const _: () = assert!(ARENA_SLICES.ilog2() < TOUCHED as u32);

/// Parts of [`Pool::shape`]: blocks were taken or put back since the purger last looked; pages may be free that are not purged.
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
    pub(crate) const UNLISTED: u8 = u8::MAX;

    pub(crate) fn new(slices: u32, class: usize, clean: bool) -> Self {
        Self {
            previous: NIL,
            next: NIL,
            all_previous: NIL,
            all_next: NIL,
            purged: if clean { u64::MAX } else { 0 },
            fresh: 0,
            free: 0,
            hint: 0,
            class: class as u8,
            list: Self::UNLISTED,
            shape: slices.ilog2() as u8 | TOUCHED | if clean { 0 } else { PURGEABLE },
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
        1 << (self.shape & !(TOUCHED | PURGEABLE))
    }

    /// Blocks there are room for.
    pub(crate) fn blocks(&self) -> u32 {
        // Its slices' bytes are an offset as any other.
        (((u64::from(self.slices()) << SLICE_SHIFT) * self.table().reciprocal) >> RECIPROCAL_SHIFT) as u32
    }

    /// Whether blocks were taken or put back since this was last called.
    pub(crate) fn take_touched(&mut self) -> bool {
        let touched = self.shape & TOUCHED != 0;
        self.shape &= !TOUCHED;
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

    #[inline]
    fn bits(&self) -> *mut u64 {
        bits_of(self.first(), self.class())
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
        let mut word = self.hint as usize;
        let from_bits = want.min(self.free as usize);
        while taken < from_bits {
            // SAFETY: `free` bits are set at or after `hint` (invariant 1) and fewer were taken, so a set bit follows.
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
        self.hint = word as u8;
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
        self.shape |= TOUCHED;
        Taken { blocks: taken, never_used }
    }

    /// Puts `blocks`, the first of which lies in this pool, back up to one that lies elsewhere. Returns how many, or the
    /// block that cannot be put back. `first` and `class` are this pool's: with them its free list is found without waiting for
    /// the descriptor, which has often left the cache.
    #[inline]
    pub(crate) fn put(&mut self, blocks: &[*mut u8], first: u32, class: usize) -> Result<usize, (*mut u8, Misuse)> {
        let Class { size, reciprocal, .. } = TABLE[class];
        let (base, bits) = (address_of(first) as usize, bits_of(first, class));
        let (fresh_at, end) = (self.fresh as usize * size as usize, self.slices() as usize * SLICE_BYTES);
        let mut put = 0;
        for &address in blocks {
            let offset = (address as usize).wrapping_sub(base);
            if offset >= fresh_at {
                if offset >= end {
                    break;
                }
                return Err((address, Misuse::NotABlock));
            }
            let block = ((offset as u64 * reciprocal) >> RECIPROCAL_SHIFT) as usize;
            if block * size as usize != offset {
                return Err((address, Misuse::NotABlock));
            }
            let bit = 1 << (block % 64);
            // SAFETY: a pool's slices have words for all its blocks, and `block` is below `fresh`.
            let free = unsafe { &mut *bits.add(block / 64) };
            if *free & bit != 0 {
                return Err((address, Misuse::DoubleFree));
            }
            *free |= bit;
            put += 1;
        }
        self.free += put as u16;
        // To keep the lowest word would cost more here than the walk costs that `take` begins with.
        self.hint = 0;
        self.shape |= TOUCHED | PURGEABLE;
        Ok(put)
    }

    /// Purges the OS pages that hold no block in use and are backed by memory, by `purge(address, bytes)`, which tells
    /// whether it could. Returns the bytes purged.
    pub(crate) fn purge_pages(&mut self, mut purge: impl FnMut(*mut u8, usize) -> bool) -> usize {
        if self.shape & PURGEABLE == 0 {
            return 0;
        }
        self.shape &= !PURGEABLE;
        let page = page_bytes();
        let bytes = self.slices() as usize * SLICE_BYTES;
        if page > bytes {
            return 0;
        }
        let all = page_range(0, bytes / page - 1);
        let mut idle = all & !self.pages_in_use() & !self.purged;
        let mut purged = 0;
        while idle != 0 {
            let first = idle.trailing_zeros() as usize;
            let count = (idle >> first).trailing_ones() as usize;
            let run = page_range(first, first + count - 1);
            if purge(address_of(self.first()).wrapping_add(first * page), count * page) {
                self.purged |= run;
                purged += count * page;
            }
            idle &= !run;
        }
        purged
    }

    /// The OS pages that hold a part of a block in use.
    fn pages_in_use(&self) -> u64 {
        let size = self.table().size as usize;
        let page = page_bytes();
        let words = (self.fresh as usize).div_ceil(64);
        let mut pages = 0;
        for word in 0..words {
            // SAFETY: a pool's slices have words for all its blocks.
            let mut used = !unsafe { *self.bits().add(word) };
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
        let first = self.first();
        let words = (self.blocks() as usize).div_ceil(64);
        let mut free = 0;
        for word in 0..words {
            // SAFETY: a pool's slices have words for all its blocks.
            let bits = unsafe { *self.bits().add(word) };
            free += bits.count_ones();
            assert!(bits == 0 || word >= self.hint as usize, "pool {first}: the hint");
            let limit = (self.fresh as usize).saturating_sub(word * 64);
            assert!(limit >= 64 || bits >> limit == 0, "pool {first}: a never-used block in the free list");
        }
        assert_eq!(free, self.free as u32, "pool {first}: the count of the free list");
        assert!(self.fresh as u32 <= self.blocks(), "pool {first}: the high-water mark");
        assert_eq!(self.list == Self::UNLISTED, self.available() == 0, "pool {first}: listed if not full");
        assert_eq!(self.purged & self.pages_in_use(), 0, "pool {first}: a page in use counted as purged");
    }
}

/// The free list of the pool of `class` that starts at slice `first`.
#[inline]
fn bits_of(first: u32, class: usize) -> *mut u64 {
    if is_tiny(class) {
        TINY_BITS.at(first).cast()
    } else {
        METADATA.at(first).cast::<u64>().wrapping_add(DESCRIPTOR_WORDS)
    }
}

/// The mask of pages `first ..= last`.
#[inline]
fn page_range(first: usize, last: usize) -> u64 {
    debug_assert!(first <= last && last < 64);
    (u64::MAX >> (63 - (last - first))) << first
}
