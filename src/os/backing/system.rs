//! The system allocator as the program sees it: whatever `malloc` is.

use std::alloc::{GlobalAlloc, Layout, System};

/// A block, or null.
pub(crate) fn alloc(layout: Layout, zeroed: bool) -> *mut u8 {
    // SAFETY: nobody asks for a block of no bytes.
    unsafe { if zeroed { System.alloc_zeroed(layout) } else { System.alloc(layout) } }
}

/// Frees a block.
///
/// # Safety
/// It came from [`alloc`] or [`realloc`], and nobody uses it any more.
pub(crate) unsafe fn free(block: *mut u8) {
    // SAFETY: the caller's; on Linux, `System` takes its blocks from `malloc` and its kin.
    unsafe { libc::free(block.cast()) };
}

/// Makes a block one of `bytes` bytes, and moves it if need be. Null if there is no memory; then nothing has changed.
///
/// # Safety
/// It came from [`alloc`] or [`realloc`] with this layout, and is the caller's.
pub(crate) unsafe fn realloc(block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
    // SAFETY: the caller's; nobody asks for a block of no bytes.
    unsafe { System.realloc(block, layout, bytes) }
}

/// The bytes that a block really has.
///
/// # Safety
/// As for [`free`], but the block is in use.
#[cfg(feature = "raw")]
pub(crate) unsafe fn usable_size(block: *mut u8) -> usize {
    // SAFETY: the caller's.
    unsafe { libc::malloc_usable_size(block.cast()) }
}
