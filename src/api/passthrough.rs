//! The engine where there is none: everything goes to the system allocator.

use super::stats::Stats;
use std::alloc::{GlobalAlloc, Layout, System};

pub(super) fn alloc(layout: Layout) -> *mut u8 {
    // SAFETY: the front ends ask for no zero-sized blocks.
    unsafe { System.alloc(layout) }
}

pub(super) fn alloc_zeroed(layout: Layout) -> *mut u8 {
    // SAFETY: as above.
    unsafe { System.alloc_zeroed(layout) }
}

/// # Safety
/// As for `GlobalAlloc::dealloc`.
pub(super) unsafe fn dealloc(block: *mut u8, layout: Layout) {
    // SAFETY: the caller's.
    unsafe { System.dealloc(block, layout) }
}

/// # Safety
/// As for `GlobalAlloc::realloc`.
pub(super) unsafe fn realloc(block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
    // SAFETY: the caller's.
    unsafe { System.realloc(block, layout, new_size) }
}

pub(super) fn usable_size(layout: Layout) -> usize {
    layout.size()
}

pub(super) fn purge() -> usize {
    0
}

pub(super) fn check() {}

pub(super) fn stats() -> Stats {
    Stats::default()
}

/// A heap that keeps a list of its blocks, to free them when it is dropped.
#[derive(Debug)]
pub(super) struct RawHeap(std::sync::Mutex<Vec<(usize, Layout)>>);

impl RawHeap {
    pub(super) fn new() -> Self {
        Self(std::sync::Mutex::new(Vec::new()))
    }

    fn blocks(&self) -> std::sync::MutexGuard<'_, Vec<(usize, Layout)>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn alloc(&self, layout: Layout, zeroed: bool) -> *mut u8 {
        let block = if zeroed { alloc_zeroed(layout) } else { alloc(layout) };
        if !block.is_null() {
            self.blocks().push((block.expose_provenance(), layout));
        }
        block
    }

    /// # Safety
    /// The block came from this heap with this layout and nobody uses it any more.
    pub(super) unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.blocks().retain(|&(address, _)| address != block.addr());
        // SAFETY: the caller's.
        unsafe { dealloc(block, layout) }
    }

    /// # Safety
    /// None.
    pub(super) unsafe fn resize(&self, _block: *mut u8, _old: Layout, _new: Layout) -> Option<*mut u8> {
        None
    }
}

impl Drop for RawHeap {
    fn drop(&mut self) {
        for (address, layout) in self.blocks().drain(..) {
            // SAFETY: the block came from `alloc` with this layout and was not freed since.
            unsafe { dealloc(std::ptr::with_exposed_provenance_mut(address), layout) };
        }
    }
}

/// Options are taken, and mean nothing.
pub(super) mod settings {
    use crate::PurgeMode;
    use std::time::Duration;

    pub(crate) fn set_retain_bytes(_bytes: Option<usize>) {}
    pub(crate) fn set_purge_mode(_mode: PurgeMode) {}
    pub(crate) fn set_purge_delay(_delay: Duration) {}
    pub(crate) fn set_lean(_lean: bool) {}
    pub(crate) fn set_stats_at_exit(_on: bool) {}
    pub(crate) fn set_verify(_level: u32) {}
}
