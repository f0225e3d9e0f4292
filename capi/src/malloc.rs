//! The functions of a C library's `malloc` family, by their own names. What each does is said in [`rules`]; C and POSIX
//! say the rest.
//!
//! # Safety
//! Of all: as C, POSIX or glibc have it.

#![allow(clippy::missing_safety_doc, reason = "said once, above")]

use crate::report;
use crate::rules;
use core::ffi::{c_int, c_void};

#[unsafe(no_mangle)]
pub extern "C" fn malloc(size: usize) -> *mut c_void {
    rules::malloc(size)
}

#[unsafe(no_mangle)]
pub extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    rules::calloc(count, size)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the caller's.
    unsafe { rules::realloc(block, size) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocarray(block: *mut c_void, count: usize, size: usize) -> *mut c_void {
    // SAFETY: the caller's.
    unsafe { rules::reallocarray(block, count, size) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(block: *mut c_void) {
    // SAFETY: the caller's.
    unsafe { rules::free(block) }
}

/// The size is not believed: programs are known to be wrong about it, and the block knows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_sized(block: *mut c_void, _size: usize) {
    // SAFETY: the caller's.
    unsafe { rules::free(block) }
}

/// As for [`free_sized`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_aligned_sized(block: *mut c_void, _align: usize, _size: usize) {
    // SAFETY: the caller's.
    unsafe { rules::free(block) }
}

/// The name that `free` had in SunOS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cfree(block: *mut c_void) {
    // SAFETY: the caller's.
    unsafe { rules::free(block) }
}

#[unsafe(no_mangle)]
pub extern "C" fn aligned_alloc(align: usize, size: usize) -> *mut c_void {
    rules::aligned_alloc(align, size)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(place: *mut *mut c_void, align: usize, size: usize) -> c_int {
    // SAFETY: the caller's.
    unsafe { rules::posix_memalign(place, align, size) }
}

/// An alignment that is no power of two is rounded up to one, as in glibc; `EINVAL` if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn memalign(align: usize, size: usize) -> *mut c_void {
    // What cannot be rounded up is no power of two either.
    rules::aligned_alloc(align.checked_next_power_of_two().unwrap_or(align), size)
}

/// A block at the start of an OS page.
#[unsafe(no_mangle)]
pub extern "C" fn valloc(size: usize) -> *mut c_void {
    rules::aligned_alloc(page_bytes(), size)
}

/// A block of whole OS pages.
#[unsafe(no_mangle)]
pub extern "C" fn pvalloc(size: usize) -> *mut c_void {
    let page = page_bytes();
    match size.checked_next_multiple_of(page) {
        Some(bytes) => rules::aligned_alloc(page, bytes.max(page)),
        None => rules::no_memory(),
    }
}

fn page_bytes() -> usize {
    // SAFETY: no preconditions.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(block: *mut c_void) -> usize {
    // SAFETY: the caller's.
    unsafe { rules::usable_size(block) }
}

/// Gives back everything that can be, whatever `pad` is. One if that was anything.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_trim(_pad: usize) -> c_int {
    (cenote::Cenote::purge() > 0).into()
}

/// Every parameter is accepted, and means nothing: see `cenote_option`.
#[unsafe(no_mangle)]
pub extern "C" fn mallopt(_parameter: c_int, _value: c_int) -> c_int {
    1
}

#[unsafe(no_mangle)]
pub extern "C" fn mallinfo2() -> report::Mallinfo<usize> {
    report::mallinfo(|bytes| bytes)
}

/// What does not fit is given as the most that does.
#[unsafe(no_mangle)]
pub extern "C" fn mallinfo() -> report::Mallinfo<c_int> {
    report::mallinfo(|bytes| bytes.try_into().unwrap_or(c_int::MAX))
}

/// Prints the statistics on standard error.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_stats() {
    report::print();
}

/// Writes the sums as XML. `EINVAL` for options other than zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_info(options: c_int, stream: *mut libc::FILE) -> c_int {
    if options != 0 {
        rules::set_errno(libc::EINVAL);
        return -1;
    }
    // SAFETY: the stream is the caller's.
    unsafe { libc::fputs(report::xml().as_ptr(), stream).min(0) }
}
