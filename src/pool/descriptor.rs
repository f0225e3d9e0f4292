//! A pool's descriptor and its free list.
//!
//! The free list is a bitmap: bit `i` is set if block `i` is free and was in use before. Blocks from `fresh` on were never
//! used; their bits are clear. So untouched memory stays untouched, low addresses go out first, a second free of a
//! block finds its bit set, and a pointer into the middle of a block leaves a rest when divided.
//!
//! # Invariants
//! 1. `free` is the number of bits set; all of them are below `fresh`, and none is in a word before `hint`.
//! 2. Bits of OS pages in `purged` say that the page holds no block in use and is not backed by memory.
//! 3. The free-list words of slices that belong to no pool are zero.
//! 4. `list` is [`UNLISTED`](Pool::UNLISTED) if and only if no block can be taken.

use super::{BITS, TINY_BITS, address_of};
use crate::base::config::*;
use crate::base::size_class::{Class, RECIPROCAL_SHIFT, TABLE, blocks_in, is_tiny};
use crate::os::page_bytes;
use crate::sync::NIL;

/// See the module. Touched only under the lock of the heap that owns the pool.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Pool {
    /// Links in the owner's list of pools of this class and fullness.
    pub(crate) previous: u32,
    pub(crate) next: u32,
    /// Links in the owner's list of all pools, or of all runs.
    pub(crate) all_previous: u32,
    pub(crate) all_next: u32,
    /// Slices of the run that starts here; pools leave it alone.
    pub(crate) run_slices: u32,
    first: u32,
    purged: u64,
    /// Blocks there are room for.
    blocks: u16,
    fresh: u16,
    free: u16,
    hint: u16,
    class: u8,
    slices: u8,
    /// Which of the owner's lists by fullness this is in.
    pub(crate) list: u8,
    /// Whether blocks were taken or put back since the purger last looked.
    pub(crate) touched: bool,
    /// Whether pages may be free that are not purged.
    purgeable: bool,
}

const _: () = assert!(size_of::<Pool>() == 64, "a descriptor is a cache line");

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

    pub(crate) fn new(first: u32, slices: u32, class: usize, clean: bool) -> Self {
        Self {
            previous: NIL,
            next: NIL,
            all_previous: NIL,
            all_next: NIL,
            run_slices: 0,
            first,
            purged: if clean { u64::MAX } else { 0 },
            blocks: blocks_in(slices, TABLE[class].size) as u16,
            fresh: 0,
            free: 0,
            hint: 0,
            class: class as u8,
            slices: slices as u8,
            list: Self::UNLISTED,
            touched: true,
            purgeable: !clean,
        }
    }

    pub(crate) fn first(&self) -> u32 {
        self.first
    }

    pub(crate) fn class(&self) -> usize {
        self.class as usize
    }

    fn table(&self) -> &'static Class {
        &TABLE[self.class as usize]
    }

    pub(crate) fn slices(&self) -> u32 {
        self.slices.into()
    }

    pub(crate) fn blocks(&self) -> u32 {
        self.blocks.into()
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
        bits_of(self.first, self.class())
    }

    /// Writes to the free list, which is zero: one page fault, where a read before the first write would make two.
    pub(crate) fn touch(&mut self) {
        // SAFETY: a pool's slices have words for all its blocks, and of a new one they are zero (invariant 3).
        unsafe { self.bits().write_volatile(0) };
    }

    /// Takes up to `want` blocks, low addresses first, and writes them to `out` in that order.
    ///
    /// # Safety
    /// `out` has room for `want` pointers.
    pub(crate) unsafe fn take(&mut self, out: *mut *mut u8, want: usize) -> Taken {
        let class = self.table();
        let size = class.size as usize;
        let base = address_of(self.first);
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
        self.hint = word as u16;
        self.free -= taken as u16;
        let never_used = (want - taken).min((self.blocks - self.fresh) as usize);
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
        self.touched = true;
        Taken { blocks: taken, never_used }
    }

    /// Puts `blocks`, the first of which lies in this pool, back up to one that lies elsewhere. Returns how many, or the
    /// block that cannot be put back. `first` and `class` are this pool's: with them its free list is found without waiting for
    /// the descriptor, which has often left the cache.
    #[inline]
    pub(crate) fn put(&mut self, blocks: &[*mut u8], first: u32, class: usize) -> Result<usize, (*mut u8, Misuse)> {
        let Class { size, reciprocal, .. } = TABLE[class];
        let (base, bits) = (address_of(first) as usize, bits_of(first, class));
        let (fresh_at, end) = (self.fresh as usize * size as usize, self.slices as usize * SLICE_BYTES);
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
        self.touched = true;
        self.purgeable = true;
        Ok(put)
    }

    /// Clears the free list before the pool's slices go back to the arenas (invariant 3).
    pub(crate) fn clear(&mut self) {
        let words = (self.fresh as usize).div_ceil(64);
        // SAFETY: a pool's slices have words for all its blocks.
        unsafe { core::ptr::write_bytes(self.bits(), 0, words) };
    }

    /// Purges the OS pages that hold no block in use and are backed by memory, by `purge(address, bytes)`, which tells
    /// whether it could. Returns the bytes purged.
    pub(crate) fn purge_pages(&mut self, mut purge: impl FnMut(*mut u8, usize) -> bool) -> usize {
        if !self.purgeable {
            return 0;
        }
        self.purgeable = false;
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
            if purge(address_of(self.first).wrapping_add(first * page), count * page) {
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
        let words = (self.blocks as usize).div_ceil(64);
        let mut free = 0;
        for word in 0..words {
            // SAFETY: a pool's slices have words for all its blocks.
            let bits = unsafe { *self.bits().add(word) };
            free += bits.count_ones();
            assert!(bits == 0 || word >= self.hint as usize, "pool {}: the hint", self.first);
            let limit = (self.fresh as usize).saturating_sub(word * 64);
            assert!(limit >= 64 || bits >> limit == 0, "pool {}: a never-used block in the free list", self.first);
        }
        assert_eq!(free, self.free as u32, "pool {}: the count of the free list", self.first);
        assert!(self.fresh <= self.blocks, "pool {}: the high-water mark", self.first);
        assert_eq!(self.list == Self::UNLISTED, self.available() == 0, "pool {}: listed if not full", self.first);
        assert_eq!(self.purged & self.pages_in_use(), 0, "pool {}: a page in use counted as purged", self.first);
    }
}

/// The free list of the pool of `class` that starts at slice `first`.
#[inline]
fn bits_of(first: u32, class: usize) -> *mut u64 {
    if is_tiny(class) { TINY_BITS.at(first).cast() } else { BITS.at(first).cast() }
}

/// The mask of pages `first ..= last`.
#[inline]
fn page_range(first: usize, last: usize) -> u64 {
    debug_assert!(first <= last && last < 64);
    (u64::MAX >> (63 - (last - first))) << first
}
