//! Where a thread's cache lies, in a shared library on AArch64: in the block of thread-local memory that is there from a
//! thread's start, at an offset that the loader writes into the library when it loads it.
//!
//! A compiler lets a library find its thread-local variables by a call, so that it may be loaded at any time; see
//! Drepper, *ELF Handling For Thread-Local Storage* (2013), for that and for the way taken here, the initial-exec model.
//! The library is marked for it: a program that loads it late may be refused if other libraries took the memory that
//! the loader sets aside for such cases.

use super::cache::Cache;
use crate::heap::magazine;
use crate::pool::KINDS;

// A new cache: the tops of no magazine, no heap, not ended.
core::arch::global_asm!(
    ".pushsection .tdata.cenote_cache, \"awT\", @progbits",
    ".globl cenote_cache",
    ".hidden cenote_cache",
    ".type cenote_cache, @object",
    ".p2align {align}",
    "cenote_cache:",
    ".rept {tops}",
    ".quad {empty} + {empty_bytes}",
    ".endr",
    ".zero {rest}",
    ".size cenote_cache, {size}",
    ".popsection",
    align = const align_of::<Cache>().ilog2(),
    tops = const KINDS,
    empty = sym magazine::EMPTY,
    empty_bytes = const magazine::EMPTY_BYTES,
    rest = const size_of::<Cache>() - Cache::TOPS_BYTES,
    size = const size_of::<Cache>(),
);

/// Calls `body` with this thread's cache.
#[inline(always)]
pub(super) fn with<R>(body: impl FnOnce(&Cache) -> R) -> R {
    let cache: *const Cache;
    // SAFETY: the register holds the thread pointer; the loader wrote the offset of `cenote_cache` from it. Both stay what
    // they are while the thread lives.
    unsafe {
        core::arch::asm!(
            "adrp {offset}, :gottprel:cenote_cache",
            "ldr {offset}, [{offset}, :gottprel_lo12:cenote_cache]",
            "mrs {cache}, tpidr_el0",
            "add {cache}, {cache}, {offset}",
            cache = out(reg) cache,
            offset = out(reg) _,
            options(pure, readonly, nostack, preserves_flags)
        );
    }
    // SAFETY: the cache was initialised with the thread, from the image above; it is there until the thread is gone, and
    // nobody has it mutably.
    body(unsafe { &*cache })
}
