//! First-class heaps.

use super::cenote::{as_slice, dangling, move_block, zero_tail};
use super::engine::RawHeap;
use allocator_api2::alloc::{AllocError, Allocator};
use core::alloc::Layout;
use core::ptr::NonNull;

/// An independent heap: a set of pools of its own.
///
/// `&Heap` is an [`Allocator`]. Blocks may be allocated and freed by any thread. Dropping the heap frees everything in it
/// at once, whatever blocks are left, in time that depends on the number of its pools and runs alone; the memory is
/// reused by the process, and given back to the system like any other.
///
/// A heap serves blocks up to the longest run; larger requests fail.
///
/// ```
/// use cenote::Heap;
/// use hashbrown::{DefaultHashBuilder, HashMap};
///
/// let heap = Heap::new();
/// let mut squares = HashMap::with_hasher_in(DefaultHashBuilder::default(), &heap);
/// squares.extend((0..100).map(|n| (n, n * n)));
/// assert_eq!(squares[&7], 49);
/// ```
#[derive(Debug)]
pub struct Heap {
    raw: RawHeap,
}

impl Heap {
    /// A new heap, without memory yet. If the system has no memory even for that, every allocation from it fails.
    pub fn new() -> Self {
        Self { raw: RawHeap::new() }
    }

    unsafe fn reallocate(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if old.size() != 0 && new.size() != 0 && old.align() == new.align() {
            // SAFETY: the caller's.
            if let Some(resized) = unsafe { self.raw.resize(block.as_ptr(), old, new) } {
                return as_slice(resized, new);
            }
        }
        // SAFETY: the caller's.
        unsafe { move_block(&self, block, old, new) }
    }
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: blocks live until freed or the heap is dropped, which its borrow outlives; copies of the reference are the
// same allocator. A layout fits a block as for `Cenote`.
unsafe impl Allocator for &Heap {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout));
        }
        as_slice(self.raw.alloc(layout, false), layout)
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout));
        }
        let block = as_slice(self.raw.alloc(layout, true), layout)?;
        zero_tail(block, layout.size());
        Ok(block)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: the caller's.
            unsafe { self.raw.dealloc(block.as_ptr(), layout) }
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
