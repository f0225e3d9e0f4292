//! Runs that stand in for blocks of a class.
//!
//! A block that grows is given a run while its size still has a class (`thread::large`), so that it goes on growing where it
//! is. When it is freed as a block of that class, it goes the way of those: into a magazine, from which it may be handed out
//! again. Where others return to their pools, it becomes a run again, and its slices go back to the arenas.

use super::misuse::{die_of, die_of_class};
use super::put_run_slices;
use crate::arena::Free;
use crate::base::size_class::size_of;
use crate::pool;

/// Frees the block at `address`, in `slice`, which was freed as one of `class` and lies in no pool of that. Its slices are in
/// `state` then. Aborts unless it is a run that stands in for such a block.
///
/// # Safety
/// The block is free: nobody uses it any more.
pub(super) unsafe fn free_stand_in(address: *mut u8, slice: u32, class: usize, state: Free) {
    // SAFETY: a run starts there, and is the caller's.
    match pool::run_starts_at(slice, address).then(|| unsafe { pool::run_class(slice) }).flatten() {
        Some(real) if real == class => {}
        Some(real) => die_of_class(address, size_of(class), real),
        None => die_of(address, pool::word_of(slice), size_of(class)),
    }
    // SAFETY: as above.
    let slices = unsafe { pool::run_slices(slice) };
    put_run_slices(slice, slices, state);
}
