//! An allocator that checks every block of another.
//!
//! What is found for certain:
//! - a null pointer, though the system has memory;
//! - a block that is not aligned as asked;
//! - a block that shares a byte with a live one, by the [table of live bytes](crate::shadow);
//! - `alloc_zeroed` that leaves a byte other than zero;
//! - `realloc` that loses a byte, by a hash of what must be kept;
//! - a block freed that is not live.
//!
//! Writes that get lost while a block is live are found where the program does not write: a block ends in a tail of two
//! words that depend on its address and size, and that must be there when it is freed. Blocks of whole OS pages have no
//! tail, so that the allocator sees such requests as they are. Losses elsewhere are left to the workload's own checks.
//!
//! Blocks are filled when they are handed out and again before they are freed: whoever counts on fresh memory being zero,
//! or keeps notes inside live blocks, fails soon.
//!
//! After the first finding nothing is to be trusted any more, the program's own data included: the process prints its
//! report and ends. A process that only makes an input for another has no findings: it takes the system's memory.

use crate::shadow;
use crate::verdict::report_and_exit;
use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt;
use std::hash::{DefaultHasher, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};

/// Set by the first finding, or where nothing is to be found. The allocator under test is not called any more.
static OVER: AtomicBool = AtomicBool::new(false);

/// Requests of whole multiples of this have no tail.
const PAGE_BYTES: usize = 4096;

/// A word of the tail.
type Word = u64;
/// Bytes of a tail: a word and its complement.
const TAIL_BYTES: usize = 2 * size_of::<Word>();

/// `A`, whose every block is checked.
#[derive(Debug, Default)]
pub struct Checked<A>(A);

impl<A> Checked<A> {
    /// Checks the blocks of `inner`.
    pub const fn new(inner: A) -> Self {
        Self(inner)
    }
}

/// The request that is made in place of one for `layout`: the block and its tail. None if no address space holds it.
fn with_tail(layout: Layout) -> Option<Layout> {
    let tail = if layout.size().is_multiple_of(PAGE_BYTES) { 0 } else { TAIL_BYTES };
    Layout::from_size_align(layout.size().checked_add(tail)?, layout.align()).ok()
}

/// The word that stands in the tail of a block of `size` bytes at `start`.
fn pattern(start: *mut u8, size: usize) -> Word {
    // An odd multiplier, so that near addresses and sizes differ in many bits: 2^64 over the golden ratio.
    (start.addr() as Word ^ (size as Word).rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The byte that a block of `size` bytes at `start` is filled with; never zero.
fn filling(start: *mut u8, size: usize) -> u8 {
    (pattern(start, size) >> 56) as u8 | 1
}

/// A hash of `size` bytes from `start`.
///
/// # Safety
/// They may be read. Bytes that nobody wrote count too: blocks are [filled](filling) first.
unsafe fn hash(start: *mut u8, size: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    // SAFETY: the caller's.
    hasher.write(unsafe { std::slice::from_raw_parts(start, size) });
    hasher.finish()
}

/// Ends the process with a finding.
#[cold]
fn found(what: fmt::Arguments<'_>) -> ! {
    // ORDERING: Relaxed: the flag says nothing but itself.
    if OVER.swap(true, Ordering::Relaxed) {
        // Another thread is about to end the process.
        loop {
            std::thread::yield_now();
        }
    }
    report_and_exit(what.to_string())
}

/// Leaves the allocator under test alone from now on: what this process does is no test of it.
pub fn stand_aside() {
    // ORDERING: Relaxed: the flag says nothing but itself.
    OVER.store(true, Ordering::Relaxed);
}

/// Whether the allocator under test is not to be called.
#[inline]
fn over() -> bool {
    // ORDERING: Relaxed: the thread that found something must see it, others may be late.
    OVER.load(Ordering::Relaxed)
}

/// Checks what the allocator handed out for `layout`, and claims its bytes.
fn accept(operation: &str, start: *mut u8, layout: Layout, inner: Layout) {
    let (size, align) = (layout.size(), layout.align());
    if start.is_null() {
        found(format_args!("{operation} of {} bytes aligned to {align} returned null", inner.size()));
    }
    let block = format_args!("{operation} returned a block of {} bytes at {start:p}", inner.size());
    if !start.addr().is_multiple_of(align) {
        found(format_args!("{block}, which is not aligned to {align}"));
    }
    if !shadow::covers(start.addr(), inner.size()) {
        found(format_args!("{block}, beyond the addresses that programs have"));
    }
    if let Err(taken) = shadow::claim(start.addr(), inner.size()) {
        found(format_args!("{block}, which overlaps a live block: both hold the byte at {taken:#x}"));
    }
    if inner.size() > size {
        let word = pattern(start, size);
        // SAFETY: the tail lies in the block, behind the `size` bytes that the program knows of.
        unsafe { start.add(size).cast::<[Word; 2]>().write_unaligned([word, !word]) };
    }
}

/// Checks a block that is about to be given back, and gives up its bytes.
///
/// # Safety
/// The program owns the block at `start`, which [`accept`] saw with these layouts.
unsafe fn give_up(operation: &str, start: *mut u8, layout: Layout, inner: Layout) {
    let size = layout.size();
    let block = format_args!("{operation} of a block of {} bytes at {start:p}", inner.size());
    if let Err(why) = shadow::release(start.addr(), inner.size()) {
        found(format_args!("{block}: {why}"));
    }
    if inner.size() > size {
        let word = pattern(start, size);
        // SAFETY: `accept` wrote the tail there.
        let tail = unsafe { start.add(size).cast::<[Word; 2]>().read_unaligned() };
        if tail != [word, !word] {
            found(format_args!(
                "{block}: a write was lost, or another block's came here: its last {TAIL_BYTES} bytes are {tail:x?} and were {:x?}",
                [word, !word]
            ));
        }
    }
}

// SAFETY: blocks are those of `A` for the same or a larger size and the same alignment, or, once something was found, the
// system's. None of the program's bytes are touched while it owns them.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Checked<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if over() {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc(layout) };
        }
        let Some(inner) = with_tail(layout) else { return std::ptr::null_mut() };
        // SAFETY: a size that is no smaller, so not zero.
        let start = unsafe { self.0.alloc(inner) };
        accept("alloc", start, layout, inner);
        // SAFETY: a fresh block of that size.
        unsafe { start.write_bytes(filling(start, layout.size()), layout.size()) };
        start
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if over() {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc_zeroed(layout) };
        }
        let Some(inner) = with_tail(layout) else { return std::ptr::null_mut() };
        // SAFETY: a size that is no smaller, so not zero.
        let start = unsafe { self.0.alloc_zeroed(inner) };
        accept("alloc_zeroed", start, layout, inner);
        // SAFETY: a fresh block, written throughout by `alloc_zeroed`.
        let bytes = unsafe { std::slice::from_raw_parts(start, layout.size()) };
        if let Some(offset) = bytes.iter().position(|&byte| byte != 0) {
            found(format_args!(
                "alloc_zeroed returned a block of {} bytes at {start:p} whose byte {offset} is {:#x}",
                inner.size(),
                bytes[offset]
            ));
        }
        start
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // Nobody knows whose the block is.
        if over() {
            return;
        }
        let inner = with_tail(layout).expect("the block exists");
        // SAFETY: the program gives the block back.
        unsafe { give_up("dealloc", start, layout, inner) };
        // SAFETY: nobody uses the block any more.
        unsafe { start.write_bytes(!filling(start, layout.size()), inner.size()) };
        // SAFETY: it came from `A` with this layout.
        unsafe { self.0.dealloc(start, inner) }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: `GlobalAlloc::realloc` promises a size that makes a layout.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        let kept = layout.size().min(new_size);
        if over() {
            // SAFETY: the caller's promise.
            let fresh = unsafe { System.alloc(new_layout) };
            if !fresh.is_null() {
                // SAFETY: both blocks are at least that long, and one is fresh.
                unsafe { start.copy_to_nonoverlapping(fresh, kept) };
            }
            return fresh;
        }
        let Some(new_inner) = with_tail(new_layout) else { return std::ptr::null_mut() };
        let inner = with_tail(layout).expect("the block exists");
        // SAFETY: the program owns the block and its first `kept` bytes.
        let before = unsafe { hash(start, kept) };
        // The bytes are given up first: when `realloc` returns, another thread may have them.
        // SAFETY: the program hands the block over.
        unsafe { give_up("realloc", start, layout, inner) };
        // SAFETY: it came from `A` with this layout, and the new size makes one.
        let fresh = unsafe { self.0.realloc(start, inner, new_inner.size()) };
        accept("realloc", fresh, new_layout, new_inner);
        // SAFETY: a block of at least that size, whose beginning the old one was moved to.
        if unsafe { hash(fresh, kept) } != before {
            found(format_args!(
                "realloc from {} to {} bytes, {start:p} to {fresh:p}, did not keep the first {kept}",
                inner.size(),
                new_inner.size()
            ));
        }
        // SAFETY: the part of the block that is new.
        unsafe { fresh.add(kept).write_bytes(filling(fresh, new_size), new_size - kept) };
        fresh
    }
}
