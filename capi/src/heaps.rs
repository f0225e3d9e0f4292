//! First-class heaps. `cenote.h` documents them.
//!
//! # Safety
//! Of all: as the header has it. A heap is valid from `cenote_heap_new` to `cenote_heap_destroy`.

#![allow(clippy::missing_safety_doc, reason = "said once, above")]

use crate::rules;
use allocator_api2::alloc::Allocator;
use cenote::{Heap, raw};
use core::ffi::c_void;
use core::ptr::{NonNull, null_mut};
use std::alloc::Layout;

/// Where the caller of `cenote_heap_new` keeps the heap.
type HeapPointer = *mut Heap;

#[unsafe(no_mangle)]
pub extern "C" fn cenote_heap_new() -> HeapPointer {
    let place: HeapPointer = rules::malloc(size_of::<Heap>()).cast();
    if !place.is_null() {
        // SAFETY: the block is long enough, aligned enough, and nobody else's.
        unsafe { place.write(Heap::new()) };
    }
    place
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cenote_heap_destroy(heap: HeapPointer) {
    if !heap.is_null() {
        // SAFETY: the caller's: it came from `cenote_heap_new`, and nobody uses it any more.
        unsafe {
            heap.drop_in_place();
            rules::free(heap.cast());
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cenote_heap_malloc(heap: HeapPointer, size: usize) -> *mut c_void {
    // SAFETY: the caller's.
    unsafe { allocate(heap, 1, size, false) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cenote_heap_calloc(heap: HeapPointer, count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        // SAFETY: the caller's.
        Some(bytes) => unsafe { allocate(heap, 1, bytes, true) },
        None => rules::no_memory(),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cenote_heap_aligned_alloc(heap: HeapPointer, align: usize, size: usize) -> *mut c_void {
    if !align.is_power_of_two() {
        rules::set_errno(libc::EINVAL);
        return null_mut();
    }
    // SAFETY: the caller's.
    unsafe { allocate(heap, align, size, false) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cenote_heap_realloc(heap: HeapPointer, block: *mut c_void, size: usize) -> *mut c_void {
    let Some(old) = NonNull::new(block.cast::<u8>()) else {
        // SAFETY: the caller's.
        return unsafe { cenote_heap_malloc(heap, size) };
    };
    if size == 0 {
        // SAFETY: the caller's.
        unsafe { cenote_heap_free(heap, block) };
        return null_mut();
    }
    let (Some(old_layout), Ok(new_layout)) = (layout_of(block), Layout::from_size_align(size, 1)) else {
        return rules::no_memory();
    };
    // SAFETY: the caller's; the layout fits the block. Growing and shrinking differ in name alone.
    let resized = unsafe {
        if size >= old_layout.size() {
            (&*heap).grow(old, old_layout, new_layout)
        } else {
            (&*heap).shrink(old, old_layout, new_layout)
        }
    };
    resized.map_or_else(|_| rules::no_memory(), |block| block.cast().as_ptr())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cenote_heap_free(heap: HeapPointer, block: *mut c_void) {
    if let (Some(start), Some(layout)) = (NonNull::new(block.cast()), layout_of(block)) {
        // SAFETY: the caller's; the layout fits the block.
        unsafe { (&*heap).deallocate(start, layout) };
    }
}

/// A layout that fits `block`: a class has the blocks that are as long as it says, whatever their alignment.
fn layout_of(block: *mut c_void) -> Option<Layout> {
    Layout::from_size_align(raw::usable_size(block.cast())?, 1).ok()
}

unsafe fn allocate(heap: HeapPointer, align: usize, size: usize, zeroed: bool) -> *mut c_void {
    let Ok(layout) = Layout::from_size_align(size.max(1), align) else { return rules::no_memory() };
    // SAFETY: the caller's.
    let heap = unsafe { &*heap };
    let block = if zeroed { heap.allocate_zeroed(layout) } else { heap.allocate(layout) };
    block.map_or_else(|_| rules::no_memory(), |block| block.cast().as_ptr())
}
