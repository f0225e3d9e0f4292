//! Heaps: one owner's pools by size class, its depot, and its mailbox.
//!
//! A heap serves a thread, or is a first-class [`Heap`](crate::Heap), or waits as an *orphan* for a thread to adopt it.
//! Its inside is guarded by a lock that its owner takes once for many blocks, and that hardly anybody else takes: the
//! purger, a thread that adopts pools, a sender whose mail piles up, a thread that grows while this one sleeps. Blocks that
//! other threads free come in through the mailbox, without the lock, as magazines that go into the depot as they are.
//!
//! Lock order: the lock of one heap, then another's (only tried, never waited for), then the roster's, the arenas' or the
//! magazines'. Nobody waits for a second heap's lock while holding one, except the fork handler, which takes all.
//!
//! # Invariants
//! 1. The words of a pool's slices name the heap in whose lists the pool is. They change only under that heap's lock.
//! 2. A pool is in list `wanted_list()` of its class; `taken` is the sum of `used()` over the pools of a class.
//! 3. A depot's magazines are full; `depot_low` is at most `depot_length`.
//!
//! A magazine may hold blocks of any heap's pools: a block finds home when its magazine is flushed.

mod inner;
pub(crate) mod magazine;
mod misuse;
pub(crate) mod outside;
mod registry;
pub(crate) mod residency;
mod stand_in;

pub(crate) use misuse::{die_of, free_outside};
pub(crate) use registry::{
    COMMUNAL, Heap, adopt_for_thread, create, destroy, for_each, free_into_owner, heap_at, lock_all, orphan,
    orphan_all_but, place, region_bytes, release_all,
};

use crate::arena::{Arenas, Backing, Free, Record};
use crate::base::config::*;
use crate::os::{self, Region};
use crate::pool;
use crate::sync::AtomicBool;

/// All arenas of the process.
pub(crate) static ARENAS: Arenas<Reservation> = Arenas::new(Reservation);

/// Gives `slices` slices from `first` on back to the arenas: a run, or the end of one, which nobody uses any more.
pub(crate) fn put_run_slices(first: u32, slices: u32, state: Free) {
    pool::forget(first, slices);
    ARENAS.put(first, slices, state);
}

static RECORDS: Region<Record> = Region::new();
static EMPTY_WORDS: Region<u64> = Region::new();

/// The arenas' place: the reservation and the arrays that grow with it.
pub(crate) struct Reservation;

impl Reservation {
    /// Bytes of each array for `arenas` arenas, in the order in which [`place`](Self::place) takes them.
    pub(crate) fn bytes(arenas: u32) -> [usize; 8] {
        let slices = arenas * ARENA_SLICES;
        [
            Region::<Record>::bytes(arenas),
            Region::<u64>::bytes(arenas.div_ceil(64)),
            Region::<AtomicBool>::bytes(residency::chunks(arenas)),
            Region::<crate::sync::Signpost>::bytes(slices),
            Region::<crate::sync::AtomicU8>::bytes(slices),
            Region::<pool::Metadata>::bytes(slices),
            Region::<pool::TinyWords>::bytes(slices),
            Region::<pool::ArenaMemory>::bytes(arenas),
        ]
    }

    /// Gives the arrays their places.
    ///
    /// # Safety
    /// As for [`Region::place`]; the last place is aligned to [`RUN_MAX_ALIGN`].
    pub(crate) unsafe fn place(places: [*mut u8; 8], arenas: u32) {
        let slices = arenas * ARENA_SLICES;
        // SAFETY: the caller's.
        unsafe {
            RECORDS.place(places[0], arenas);
            EMPTY_WORDS.place(places[1], arenas.div_ceil(64));
            residency::HUGE.place(places[2], residency::chunks(arenas));
            pool::WORDS.place(places[3], slices);
            pool::KIND_NUMBERS.place(places[4], slices);
            pool::METADATA.place(places[5], slices);
            pool::TINY_BITS.place(places[6], slices);
            pool::MEMORY.place(places[7], arenas);
        }
    }
}

// SAFETY: the arrays grow together, before the arenas are used, and are zero at first; `commit` and `purge` do as said.
unsafe impl Backing for Reservation {
    fn record(&self, arena: u32) -> *mut Record {
        RECORDS.at(arena)
    }

    fn empty_word(&self, index: u32) -> *mut u64 {
        EMPTY_WORDS.at(index)
    }

    fn commit(&self, arenas: u32) -> bool {
        let slices = arenas * ARENA_SLICES;
        RECORDS.grow(arenas)
            && EMPTY_WORDS.grow(arenas.div_ceil(64))
            && residency::HUGE.grow(residency::chunks(arenas))
            && pool::WORDS.grow(slices)
            && pool::KIND_NUMBERS.grow(slices)
            && pool::METADATA.grow(slices)
            && pool::TINY_BITS.grow(slices)
            && pool::MEMORY.grow(arenas)
    }

    fn limit(&self) -> u32 {
        pool::MEMORY.limit()
    }

    fn purge(&self, first: u32, count: u32) -> bool {
        // SAFETY: the arenas took these slices out, in whole OS pages, so nobody uses them.
        let done = unsafe { residency::purge(pool::address_of(first), count as usize * SLICE_BYTES) };
        if done {
            purge_metadata(first, count);
        }
        done
    }

    fn ask_huge(&self, arena: u32) {
        residency::ask_huge(pool::address_of(arena * ARENA_SLICES));
    }

    fn owners(&self) -> u32 {
        registry::count().saturating_sub(registry::FIRST).max(1)
    }

    fn purge_unit(&self) -> u32 {
        (os::page_bytes() / SLICE_BYTES).max(1) as u32
    }
}

/// Gives back the OS pages of descriptors and free lists that belong to purged slices alone. They are written anew
/// before the slices are used again.
fn purge_metadata(first: u32, count: u32) {
    fn purge_array<T>(array: &Region<T>, first: u32, count: u32) {
        let page = os::page_bytes();
        let start = (array.at(first) as usize).next_multiple_of(page);
        let end = (array.base() as usize + (first + count) as usize * size_of::<T>()) / page * page;
        if start < end {
            // SAFETY: whole OS pages of an accessible array; the elements belong to slices that the purger took out.
            unsafe { os::purge(start as *mut u8, end - start) };
        }
    }
    purge_array(&pool::METADATA, first, count);
    purge_array(&pool::TINY_BITS, first, count);
}
