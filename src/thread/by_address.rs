//! Blocks above the largest class of which only the address is known.

use super::large;
use crate::base::config::SLICE_BYTES;
use crate::heap::{heap_at, outside};
use crate::pool;

/// A size that no misuse message mistakes for that of a block in a pool.
const UNKNOWN: usize = usize::MAX;

/// The bytes of the block that starts at `block`; none if no block above the largest class does.
pub(crate) fn bytes_at(block: *mut u8) -> Option<usize> {
    let Some(slice) = pool::slice_of(block) else { return outside::bytes_of(block) };
    // SAFETY: a run starts there, and whoever asks has it.
    pool::run_starts_at(slice, block).then(|| unsafe { pool::run_slices(slice) } as usize * SLICE_BYTES)
}

/// Aborts if `block` lies in the reservation and is not the start of a run.
pub(crate) fn die_unless_run_or_outside(block: *mut u8) {
    large::run_of(block, UNKNOWN);
}

/// Frees the block at `block`, which is in no pool. False, and nothing is done, if it did not come from here.
///
/// # Safety
/// If it came from here, nobody uses it any more.
pub(crate) unsafe fn free(block: *mut u8) -> bool {
    let Some((first, slices)) = large::run_of(block, UNKNOWN) else {
        // SAFETY: the caller's.
        return unsafe { outside::free(block) };
    };
    let owner = pool::word_of(first).owner();
    if owner != large::NOBODY {
        heap_at(owner).inner.lock().unlink_run(first);
    }
    large::put_run(first, slices);
    true
}
