//! Blocks above the largest class: runs of slices, so that growth happens in place where it can and nothing is mapped or
//! unmapped; and above the longest run, or when memory for runs is short, the system allocator.
//!
//! A run's first slice says that it is one and its descriptor how long it is. Runs of the global allocator belong to
//! nobody (owner [`NOBODY`]); those of a first-class heap are linked in it, to be freed with it.
//!
//! A block that grows may get a run while its size still has a class, and is then not copied again as it grows on. Such a run
//! *stands in* for a block of that class, as which it is freed: see `heap::stand_in`.

use super::{init, purger, settings, zeroed};
use crate::base::config::*;
use crate::heap::{ARENAS, COMMUNAL, die_of, free_outside, outside, put_run_slices, residency};
use crate::os;
use crate::arena::{CleanMask, Filling, Free};
use crate::base::size_class::CLASS_MAX_BYTES;
use crate::pool::{self, SliceWord, address_of};
use core::alloc::Layout;

/// The owner in the words of runs that belong to no first-class heap.
pub(crate) const NOBODY: u32 = COMMUNAL;

/// A growing run of at most so many slices, twice the largest class, shares huge pages with what is sure to be filled.
const GROWING_DENSE_MAX_SLICES: u32 = (2 * CLASS_MAX_BYTES / SLICE_BYTES) as u32;

fn slices_for(size: usize) -> u32 {
    size.div_ceil(SLICE_BYTES) as u32
}

/// What a block is wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// To be used.
    Plain,
    /// To be used, and zero.
    Zeroed,
    /// To take over this many bytes from a smaller one that grew: it may well grow again.
    Growing(usize),
}

/// A block of `layout`, which is above the largest class. Null if there is no memory.
#[cold]
#[inline(never)]
pub(crate) fn alloc(layout: Layout, want: Want) -> *mut u8 {
    let run = alloc_run(layout, want, NOBODY);
    if !run.is_null() {
        return run;
    }
    let Ok(whole) = Layout::from_size_align(usable_size(layout), layout.align()) else { return core::ptr::null_mut() };
    let block = outside::alloc_large(whole, want == Want::Zeroed);
    if !block.is_null() && want != Want::Zeroed && settings::huge_from_bytes() <= whole.size() {
        residency::ask_huge_outside(block, whole.size());
    }
    block
}

/// The bytes that a block for `layout` has, whether it is a run or the system allocator's.
pub(crate) fn usable_size(layout: Layout) -> usize {
    if is_run_sized(layout) { layout.size().next_multiple_of(SLICE_BYTES) } else { layout.size() }
}

/// Whether runs serve such layouts.
fn is_run_sized(layout: Layout) -> bool {
    layout.size() <= RUN_MAX_BYTES && layout.align() <= RUN_MAX_ALIGN
}

/// A run for `layout` that belongs to `owner`. Null if runs do not serve such layouts or there is no memory.
pub(crate) fn alloc_run(layout: Layout, want: Want, owner: u32) -> *mut u8 {
    if !is_run_sized(layout) || !init::ready() {
        return core::ptr::null_mut();
    }
    let slices = slices_for(layout.size());
    let align = (layout.align() / SLICE_BYTES).max(1) as u32;
    let room = match want {
        Want::Growing(_) => (ROOM_FACTOR * slices).min(RUN_MAX_SLICES - slices),
        _ => 0,
    };
    let watched = want == Want::Zeroed && zeroed::note_taken(slices);
    let filling = match want {
        // Who knows the size beforehand is going to use it.
        Want::Plain => Filling::Dense,
        // What moves here fills half of it.
        Want::Growing(_) if slices <= GROWING_DENSE_MAX_SLICES => Filling::Dense,
        Want::Zeroed if watched && zeroed::is_sparse(slices) => Filling::Sparse,
        Want::Growing(_) | Want::Zeroed => Filling::Unknown,
    };
    let mut clean: CleanMask = [0; _];
    let clean_mask = if want == Want::Plain { None } else { Some(&mut clean) };
    let Some(first) = ARENAS.take_run(slices, align, room, filling, clean_mask) else { return core::ptr::null_mut() };
    // What was cleared is resident, whether it will be used or not.
    let is_clean = || clean.iter().map(|word| word.count_ones()).sum::<u32>() == slices;
    let word = if watched && is_clean() { SliceWord::watched_run(owner) } else { SliceWord::run(owner) };
    make_run(first, slices, word, None);
    if want == Want::Zeroed {
        clear_dirty(first, slices, &clean);
    }
    let resident = match want {
        Want::Growing(bytes) => bytes / SLICE_BYTES * SLICE_BYTES,
        Want::Zeroed if !watched && !residency::is_lean() => slices as usize * SLICE_BYTES,
        _ => 0,
    };
    if resident > 0 && clean[0] & 1 == 1 {
        residency::populate(address_of(first), resident);
    }
    address_of(first)
}

/// Makes the `slices` slices from `first` on, which the caller has taken, a run, whose first slice `word` describes. It stands in
/// for a block of `class`, if that is one.
fn make_run(first: u32, slices: u32, word: SliceWord, class: Option<usize>) {
    pool::set_word(first, word);
    set_tail(first + 1..first + slices);
    // SAFETY: nobody else knows of the run yet.
    unsafe { pool::set_run(first, slices, class) };
}

fn set_tail(slices: core::ops::Range<u32>) {
    slices.for_each(|slice| pool::set_word(slice, SliceWord::RUN_TAIL));
}

/// A run in place of a block of `class` for a block that grows to `size` bytes, which have that class: where it goes on growing
/// in place. Null if there is no such place, or other things matter more.
pub(crate) fn alloc_stand_in(size: usize, class: usize) -> *mut u8 {
    /// The room that a run would have that is twice as long as the largest class.
    const WHOLE_SLICES: u32 = (1 + ROOM_FACTOR) * GROWING_DENSE_MAX_SLICES;
    if size <= STAND_IN_ABOVE_BYTES || residency::is_lean() || settings::verify() > 0 {
        return core::ptr::null_mut();
    }
    let slices = slices_for(size);
    let Some(first) = ARENAS.take_roomy(slices, WHOLE_SLICES - slices) else { return core::ptr::null_mut() };
    make_run(first, slices, SliceWord::run(NOBODY), Some(class));
    address_of(first)
}

/// Makes `block`, which is of a class, one of `size` bytes and `class`, if it is a run that stands in for a block and can be made
/// as long as that where it is, or is so. Tells whether.
///
/// # Safety
/// The block is the caller's.
pub(crate) unsafe fn grow_stand_in(block: *mut u8, size: usize, class: Option<usize>) -> bool {
    let is_run = |slice: &u32| pool::run_starts_at(*slice, block);
    let Some(first) = pool::slice_of(block).filter(is_run).filter(|_| size <= RUN_MAX_BYTES) else { return false };
    // SAFETY: the run is the caller's.
    let (slices, stands_in) = unsafe { (pool::run_slices(first), pool::run_class(first).is_some()) };
    let wanted = slices_for(size);
    // SAFETY: as above.
    stands_in && wanted >= slices && unsafe { extend(first, slices, wanted, class) }
}

/// Makes the run of `slices` slices at `first` `wanted` long, which is not less, to stand in for a block of `class` if that is
/// one. False if what follows is in use.
///
/// # Safety
/// The run is the caller's.
unsafe fn extend(first: u32, slices: u32, wanted: u32, class: Option<usize>) -> bool {
    let done = wanted == slices || ARENAS.take_at(first + slices, wanted - slices);
    if done {
        set_tail(first + slices..first + wanted);
        // SAFETY: the caller's.
        unsafe { pool::set_run(first, wanted, class) };
    }
    done
}

/// Clears those of the `slices` slices from `first` on that are not `clean`.
fn clear_dirty(first: u32, slices: u32, clean: &CleanMask) {
    for index in (0..slices).filter(|index| clean[*index as usize / 64] >> (index % 64) & 1 == 0) {
        // SAFETY: the slice belongs to the caller's run.
        unsafe { core::ptr::write_bytes(address_of(first + index), 0, SLICE_BYTES) };
    }
}

/// The first slice and the length of the run at `block`, which has a layout of up to `claimed` bytes; none for a block
/// outside the reservation. Aborts if the metadata shows that there is no such run.
pub(super) fn run_of(block: *mut u8, claimed: usize) -> Option<(u32, u32)> {
    let first = pool::slice_of(block)?;
    if !pool::run_starts_at(first, block) {
        die_of(block, pool::word_of(first), claimed);
    }
    // SAFETY: the run is the caller's, so nobody else changes its descriptor.
    Some((first, unsafe { pool::run_slices(first) }))
}

/// Does as [`run_of`], and also aborts unless the run is as long as one for `layout`.
pub(crate) fn run_at(block: *mut u8, layout: Layout) -> Option<(u32, u32)> {
    let (first, slices) = run_of(block, layout.size())?;
    if slices != slices_for(layout.size()) {
        os::die(format_args!(
            "free of {block:p} with a layout of {} bytes, but its block has {} bytes",
            layout.size(),
            slices as usize * SLICE_BYTES
        ));
    }
    Some((first, slices))
}

/// Frees a block that came from [`alloc`] with `layout`.
///
/// # Safety
/// As for `GlobalAlloc::dealloc`.
#[cold]
#[inline(never)]
pub(crate) unsafe fn free(block: *mut u8, layout: Layout) {
    match run_at(block, layout) {
        Some((first, slices)) => put_run(first, slices),
        // SAFETY: the caller's.
        None => unsafe { free_outside(block, layout.size()) },
    }
}

/// Gives the slices of a run back.
pub(super) fn put_run(first: u32, slices: u32) {
    zeroed::note_freed(slices);
    let is_purged = pool::word_of(first).is_watched_run() && zeroed::purge_if_hardly_used(first, slices);
    if is_purged {
        return put_run_slices(first, slices, Free::Clean);
    }
    put_run_slices(first, slices, Free::Dirty);
    purger::note(slices as usize * SLICE_BYTES);
}

/// Makes the block longer or shorter where it is, or by the system's own means: both sizes are above the largest class.
/// `None` if it has to be moved by the caller; `Some(null)` if there is no memory.
///
/// # Safety
/// As for `GlobalAlloc::realloc`.
pub(crate) unsafe fn resize(block: *mut u8, layout: Layout, new: Layout) -> Option<*mut u8> {
    let Some((first, slices)) = run_at(block, layout) else {
        // SAFETY: the caller's; not a run, so the system allocator's.
        return unsafe { outside::resize(block, layout.align(), usable_size(new)) };
    };
    if new.size() > RUN_MAX_BYTES {
        return None;
    }
    let wanted = slices_for(new.size());
    if wanted >= slices {
        // SAFETY: the run is the caller's.
        return unsafe { extend(first, slices, wanted, None) }.then_some(block);
    }
    put_run_slices(first + wanted, slices - wanted, Free::Dirty);
    purger::note((slices - wanted) as usize * SLICE_BYTES);
    // SAFETY: the run is the caller's.
    unsafe { pool::set_run(first, wanted, None) };
    Some(block)
}
