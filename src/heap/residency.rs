//! How block memory becomes resident, and how it stops being: page by page, a pool at a time, or by huge pages.
//!
//! A page fault costs far more than the page it brings, so memory that is certain to be used soon is asked for ahead:
//!
//! | memory | comes | because |
//! |---|---|---|
//! | of a class's first pools, and of runs | page by page, when touched | much of it may never be |
//! | of a further pool of a class | whole, when the pool is made | the class fills it as it filled those before, if it did |
//! | where a growing run's contents are moved to | whole, before they are | the copy touches every page |
//! | of a zeroed run that is not long | whole, when it is taken | what reads it first pays for each page twice; but see `thread::zeroed` |
//! | of such pools, of runs of a size known beforehand and of growing ones at first, when much is in use already | by huge pages, which they share | they fill them one after the other |
//! | of the chunks in a run that has grown or whose size was known beforehand, and in a large block | by huge pages | but for the last, they are filled |
//!
//! A *chunk* is the arenas that one huge page backs. Everywhere else huge pages are declined, whatever the system's
//! default: one touched byte would make a whole chunk resident. A chunk that is purged in part declines them from then
//! on, or the system would fill the holes again.
//!
//! # Invariants
//! 1. `HUGE[chunk]` is set only while the arenas' lock is held and all slices of the chunk are free and clean or the
//!    caller's; it is cleared by who purges slices of the chunk, which only he has.

use crate::base::config::*;
use crate::base::size_class::size_of;
use crate::os::{self, Region};
use crate::pool;
use crate::sync::{AtomicBool, Ordering};

/// Whether a small footprint is preferred to speed.
static LEAN: AtomicBool = AtomicBool::new(false);

/// Says whether a small footprint is preferred to speed from now on.
pub(crate) fn set_lean(lean: bool) {
    // ORDERING: Relaxed: it stands for itself, and a thread that sees it late is only late.
    LEAN.store(lean, Ordering::Relaxed);
}

/// Whether a small footprint is preferred to speed.
pub(crate) fn is_lean() -> bool {
    // ORDERING: Relaxed: as for `set_lean`.
    LEAN.load(Ordering::Relaxed)
}

/// Whether blocks of `class` go without magazines and empty pools, as a lean program's larger ones do.
pub(crate) fn is_uncached(class: usize) -> bool {
    size_of(class) > LEAN_CACHED_MAX_BYTES && is_lean()
}

/// For each chunk whether it asks for huge pages.
pub(super) static HUGE: Region<AtomicBool> = Region::new();

const CHUNK_BYTES: usize = HUGE_ARENAS as usize * ARENA_BYTES;

/// Chunks that hold `arenas` arenas.
pub(super) fn chunks(arenas: u32) -> u32 {
    arenas.div_ceil(HUGE_ARENAS)
}

/// The mark of the chunk at `address`.
fn mark(address: *mut u8) -> &'static AtomicBool {
    let chunk = (address as usize - pool::MEMORY.base() as usize) / CHUNK_BYTES;
    // SAFETY: the array grows with the arenas, and `address` lies in one.
    unsafe { &*HUGE.at(chunk as u32) }
}

/// Asks for huge pages for the chunk that starts at `start`. A hint.
pub(super) fn ask_huge(start: *mut u8) {
    // ORDERING: Relaxed: by invariant 1 the memory itself is handed over by a lock.
    mark(start).store(true, Ordering::Relaxed);
    // SAFETY: a whole chunk of the reservation.
    unsafe { os::advise_huge_pages(start, CHUNK_BYTES, true) };
}

/// Asks for huge pages for what they can back of a large block, which is about to be filled. A hint.
pub(crate) fn ask_huge_outside(block: *mut u8, bytes: usize) {
    let start = (block as usize).next_multiple_of(CHUNK_BYTES);
    let end = (block as usize + bytes) / CHUNK_BYTES * CHUNK_BYTES;
    if start < end {
        // SAFETY: whole OS pages of a block that is the caller's.
        unsafe { os::advise_huge_pages(block.with_addr(start), end - start, true) };
    }
}

/// Makes `bytes` bytes from `start` on resident, which were clean and are about to be written to. A hint.
pub(crate) fn populate(start: *mut u8, bytes: usize) {
    // ORDERING: Relaxed: as in `ask_huge`.
    if !mark(start).load(Ordering::Relaxed) {
        // SAFETY: whole slices of accessible memory, which the caller has taken.
        unsafe { os::populate(start, bytes) };
    }
}

/// Whether nearly all OS pages of the `slices` slices from `first` on are resident, as far as the system tells.
pub(super) fn is_resident(first: u32, slices: u32) -> bool {
    resident_bytes(first, slices).is_some_and(|bytes| bytes >= slices as usize * SLICE_BYTES / 8 * 7)
}

/// Bytes that are resident of the `slices` slices from `first` on, which are or were in use; `None` if the system does not tell.
pub(crate) fn resident_bytes(first: u32, slices: u32) -> Option<usize> {
    // SAFETY: an arena that slices were taken from stays accessible.
    let pages = unsafe { os::resident_pages(pool::address_of(first), slices as usize * SLICE_BYTES) };
    pages.map(|pages| pages * os::page_bytes())
}

/// Gives the OS pages in `bytes` bytes from `start` on back. False if the system refuses.
///
/// # Safety
/// Whole OS pages of accessible block memory that nobody uses, and that are kept from everybody meanwhile.
pub(crate) unsafe fn purge(start: *mut u8, bytes: usize) -> bool {
    let first = start as usize / CHUNK_BYTES * CHUNK_BYTES;
    for chunk in (first..start as usize + bytes).step_by(CHUNK_BYTES) {
        let chunk = start.with_addr(chunk);
        // ORDERING: Relaxed: as in `ask_huge`. Two purges may both clear the mark of one chunk, to the same end.
        if mark(chunk).load(Ordering::Relaxed) {
            mark(chunk).store(false, Ordering::Relaxed);
            // SAFETY: a whole chunk of the reservation.
            unsafe { os::advise_huge_pages(chunk, CHUNK_BYTES, false) };
        }
    }
    // SAFETY: the caller's.
    unsafe { os::purge(start, bytes) }
}
