//! The global allocator.

use super::engine;
use super::options::Options;
use super::stats::Stats;
use allocator_api2::alloc::{AllocError, Allocator};
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

/// The allocator of the process: a handle without state.
///
/// ```
/// #[global_allocator]
/// static GLOBAL: cenote::Cenote = cenote::Cenote::new();
/// # fn main() {}
/// ```
///
/// All methods may be called from any thread, before `main`, in destructors of thread-locals and in `atexit` handlers.
/// Blocks may be freed by any thread. In signal handlers nothing may be called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cenote;

impl Cenote {
    /// The allocator.
    pub const fn new() -> Self {
        Self
    }

    /// Counts what the allocator holds now. Takes each heap's lock for a moment; what other threads do meanwhile may be
    /// counted or not.
    pub fn stats() -> Stats {
        Stats::now()
    }

    /// Gives back to the system at once what can be given back: flushes this thread's cache and all depots, takes what lies in the
    /// caches of other threads but for a few blocks, and purges every free OS page, also those inside pools in use. Returns the
    /// bytes purged. Where the system refuses `membarrier`, the caches of other threads are left alone.
    pub fn purge() -> usize {
        engine::purge()
    }

    /// Puts `options` into force. Those that are left unset stay as they are.
    pub fn configure(options: &Options) {
        options.apply();
    }

    /// Walks all structures.
    ///
    /// For tests: no other thread may allocate or free meanwhile.
    ///
    /// # Panics
    /// If an invariant is broken.
    pub fn check() {
        engine::check();
    }
}

// SAFETY: blocks are distinct and live until freed, whatever thread asks; errors are null, nothing unwinds.
unsafe impl GlobalAlloc for Cenote {
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        engine::alloc(layout)
    }

    #[inline(always)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { engine::dealloc(block, layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        engine::alloc_zeroed(layout)
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's.
        unsafe { engine::realloc(block, layout, new_size) }
    }
}

/// The address of a block of size zero: aligned, and nothing more.
pub(super) fn dangling(layout: Layout) -> NonNull<[u8]> {
    let address =
        NonNull::without_provenance(core::num::NonZero::new(layout.align()).expect("an alignment is not zero"));
    NonNull::slice_from_raw_parts(address, 0)
}

pub(super) fn as_slice(block: *mut u8, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    let block = NonNull::new(block).ok_or(AllocError)?;
    Ok(NonNull::slice_from_raw_parts(block, usable_size(layout)))
}

// SAFETY: blocks live until freed, `Cenote` has no state to move, and every copy of it is the same allocator. A layout
// fits a block if it has the alignment and a size between the one asked for and the one returned: such sizes have the
// same class, or the same number of slices.
unsafe impl Allocator for Cenote {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout));
        }
        as_slice(engine::alloc(layout), layout)
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout));
        }
        let block = as_slice(engine::alloc_zeroed(layout), layout)?;
        zero_tail(block, layout.size());
        Ok(block)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: the caller's.
            unsafe { engine::dealloc(block.as_ptr(), layout) }
        }
    }

    unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's.
        unsafe { self.reallocate(block, old, new) }
    }

    unsafe fn grow_zeroed(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's.
        let grown = unsafe { self.reallocate(block, old, new)? };
        zero_tail(grown, old.size());
        Ok(grown)
    }

    unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's.
        unsafe { self.reallocate(block, old, new) }
    }
}

impl Cenote {
    /// What `grow` and `shrink` have in common.
    ///
    /// # Safety
    /// As for those.
    unsafe fn reallocate(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if old.size() != 0 && new.size() != 0 && old.align() == new.align() {
            // SAFETY: the caller's; neither size is zero.
            return as_slice(unsafe { engine::realloc(block.as_ptr(), old, new.size()) }, new);
        }
        // SAFETY: the caller's.
        unsafe { move_block(self, block, old, new) }
    }
}

/// Moves a block to a new one of `allocator`.
///
/// # Safety
/// The block came from `allocator` with layout `old`.
pub(super) unsafe fn move_block(
    allocator: &impl Allocator,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<[u8]>, AllocError> {
    let moved = allocator.allocate(new)?;
    // SAFETY: both blocks have that many bytes, and are distinct; the old one is the caller's to free.
    unsafe {
        moved.cast::<u8>().copy_from_nonoverlapping(block, old.size().min(new.size()));
        allocator.deallocate(block, old);
    }
    Ok(moved)
}

/// Clears `block` from `start` on.
pub(super) fn zero_tail(block: NonNull<[u8]>, start: usize) {
    // SAFETY: `start` is at most the block's length, and the block is the caller's.
    unsafe { block.cast::<u8>().add(start).write_bytes(0, block.len() - start) };
}

/// The bytes that a block for `layout` really has: at least its size, and exactly the length of what
/// [`Allocator::allocate`] returns for it. Zero for a layout of size zero.
pub fn usable_size(layout: Layout) -> usize {
    if layout.size() == 0 { 0 } else { engine::usable_size(layout) }
}

/// The smallest size, at least `size`, for which a block wastes nothing at an alignment of at most eight bytes. A buffer that grows anyway should ask for
/// this many bytes.
pub fn good_size(size: usize) -> usize {
    Layout::from_size_align(size, 1).map_or(size, usable_size)
}
