//! What a program does with zeroed runs, as far as earlier ones tell.
//!
//! A table is read at random before it is written to, and then each page that is not resident costs two faults. So zeroed runs
//! that are not long are made resident as they are taken. But a thread that takes several of one length, one after the other, may
//! carve smaller things from them and never come to the end of any. Such runs, and long ones, stay as they are and are
//! *watched*: when one is freed, the system is asked how much of it is resident. If that is little, it goes back to the
//! system, or the next that is zeroed there would become resident by being cleared; and further ones of that length are taken
//! to be *sparse*, and leave what is backed to others, until one turns out not to be.
//!
//! A wrong guess costs time or memory, and nothing else.

use super::cache;
use crate::base::config::*;
use crate::heap::{COMMUNAL, residency};
use crate::os;
use crate::pool;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Runs of one length that one heap took in a row while none of them was freed: `heap << 32 | slices << 16 | count`.
static ROW: AtomicU64 = AtomicU64::new(0);

/// The length in slices of the watched run that was found to be hardly used last; zero if one of that length was used since.
static SPARSE: AtomicU32 = AtomicU32::new(0);

const _: () = assert!(RUN_MAX_SLICES < 1 << 16, "a length is sixteen bits of a row");

/// Notes that this thread takes a zeroed run of `slices` slices. Returns whether to watch it, rather than to make it resident.
pub(super) fn note_taken(slices: u32) -> bool {
    if slices < WATCHED_MIN_SLICES {
        return false;
    }
    let heap = cache::heap_id().unwrap_or(COMMUNAL);
    let row = u64::from(heap) << 32 | u64::from(slices) << 16;
    // ORDERING (here and below): Relaxed: a guess that stands for itself.
    let last = ROW.load(Ordering::Relaxed);
    let before = if last & !0xffff == row { last as u16 } else { 0 };
    ROW.store(row | u64::from(before.saturating_add(1)), Ordering::Relaxed);
    slices > POPULATE_ZEROED_MAX_SLICES || before >= TABLES_MAX
}

/// Whether a watched run of `slices` slices will hardly be used, as far as the last one tells.
pub(super) fn is_sparse(slices: u32) -> bool {
    SPARSE.load(Ordering::Relaxed) == slices
}

/// Notes that a run of `slices` slices is freed.
pub(super) fn note_freed(slices: u32) {
    if ROW.load(Ordering::Relaxed) >> 16 & 0xffff == u64::from(slices) {
        ROW.store(0, Ordering::Relaxed);
    }
}

/// Gives the watched run of `slices` slices from `first` on, which is being freed, back to the system if it was hardly used.
/// False if it was used, or cannot be given back.
pub(super) fn purge_if_hardly_used(first: u32, slices: u32) -> bool {
    let (start, bytes) = (pool::address_of(first), slices as usize * SLICE_BYTES);
    if !(start.addr() | bytes).is_multiple_of(os::page_bytes()) {
        // OS pages are larger than slices, and one of them holds something else too.
        return false;
    }
    let is_hardly_used = residency::resident_bytes(first, slices).is_some_and(|resident| resident < bytes / HARDLY_PART);
    if is_hardly_used {
        SPARSE.store(slices, Ordering::Relaxed);
    } else if is_sparse(slices) {
        SPARSE.store(0, Ordering::Relaxed);
    }
    // SAFETY: whole OS pages, which nobody uses any more and nobody gets before they are put back.
    is_hardly_used && unsafe { residency::purge(start, bytes) }
}
