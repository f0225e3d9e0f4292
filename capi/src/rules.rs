//! The functions that both the C library's names and ours stand for, with the rules of C23, POSIX.1-2024 and glibc.
//!
//! - A request of no bytes gets a block of its own.
//! - A request above `PTRDIFF_MAX` bytes, or whose size overflows, fails.
//! - What fails for want of memory returns null and sets `errno` to `ENOMEM`; what is asked for wrongly, `EINVAL`. What
//!   succeeds leaves `errno` alone.
//! - A pointer that cenote did not hand out goes to the C library, whose it was before cenote took over.

use cenote::raw;
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

/// Sets `errno`.
#[cold]
pub fn set_errno(error: c_int) {
    // SAFETY: the C library's per-thread errno is always writable.
    unsafe { *libc::__errno_location() = error };
}

/// Null, and why.
#[cold]
#[inline(never)]
pub fn no_memory() -> *mut c_void {
    set_errno(libc::ENOMEM);
    null_mut()
}

/// `block`, or null and why.
#[inline(always)]
pub fn or_no_memory(block: *mut u8) -> *mut c_void {
    if block.is_null() { no_memory() } else { block.cast() }
}

#[inline(always)]
pub fn malloc(size: usize) -> *mut c_void {
    let block = raw::malloc_ready(size);
    if block.is_null() { malloc_slow(size) } else { block.cast() }
}

#[cold]
#[inline(never)]
extern "C" fn malloc_slow(size: usize) -> *mut c_void {
    or_no_memory(raw::malloc(size))
}

#[inline(always)]
pub fn calloc(count: usize, size: usize) -> *mut c_void {
    or_no_memory(raw::calloc(count, size))
}

/// A size of zero frees the block and returns null, as in glibc; C23 leaves that open.
///
/// # Safety
/// As for C's `realloc`.
#[inline(always)]
pub unsafe fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    if size == 0 && !block.is_null() {
        // SAFETY: the caller's.
        unsafe { free(block) };
        return null_mut();
    }
    // SAFETY: the caller's; what is not ours was the C library's.
    or_no_memory(unsafe { raw::realloc(block.cast(), size).unwrap_or_else(|_| realloc_foreign(block, size)) })
}

#[cold]
#[inline(never)]
unsafe fn realloc_foreign(block: *mut c_void, size: usize) -> *mut u8 {
    // SAFETY: the caller's.
    unsafe { raw::foreign::realloc(block.cast(), size) }
}

/// # Safety
/// As for C's `realloc`.
#[inline(always)]
pub unsafe fn reallocarray(block: *mut c_void, count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        // SAFETY: the caller's.
        Some(bytes) => unsafe { realloc(block, bytes) },
        None => no_memory(),
    }
}

/// # Safety
/// As for C's `free`.
#[inline(always)]
pub unsafe fn free(block: *mut c_void) {
    // SAFETY: the caller's.
    unsafe {
        if !raw::free_ready(block.cast()) {
            free_slow(block);
        }
    }
}

#[cold]
#[inline(never)]
unsafe extern "C" fn free_slow(block: *mut c_void) {
    raw::prepare();
    // SAFETY: the caller's; what is not ours was the C library's.
    unsafe {
        if raw::free(block.cast()).is_err() {
            raw::foreign::free(block.cast());
        }
    }
}

/// `EINVAL` for an alignment that is no power of two, as in glibc since 2.38. The size need not be a multiple of it.
#[inline(always)]
pub fn aligned_alloc(align: usize, size: usize) -> *mut c_void {
    if !align.is_power_of_two() {
        set_errno(libc::EINVAL);
        return null_mut();
    }
    or_no_memory(raw::aligned_alloc(align, size))
}

/// Returns an error number and leaves `errno` alone; `EINVAL` for an alignment that is no power of two or less than a
/// pointer's. On an error nothing is stored.
///
/// # Safety
/// `place` may be written to.
#[inline]
pub unsafe fn posix_memalign(place: *mut *mut c_void, align: usize, size: usize) -> c_int {
    if !align.is_power_of_two() || align < size_of::<*mut c_void>() {
        return libc::EINVAL;
    }
    let block = preserving_errno(|| raw::aligned_alloc(align, size));
    if block.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: the caller's.
    unsafe { *place = block.cast() };
    0
}

/// Runs `body` and puts `errno` back to what it was.
fn preserving_errno<R>(body: impl FnOnce() -> R) -> R {
    // SAFETY: the C library's per-thread errno is always readable and writable.
    unsafe {
        let errno = libc::__errno_location();
        let saved = *errno;
        let result = body();
        *errno = saved;
        result
    }
}

/// Zero for null.
///
/// # Safety
/// As for glibc's `malloc_usable_size`.
#[inline]
pub unsafe fn usable_size(block: *mut c_void) -> usize {
    if block.is_null() {
        return 0;
    }
    // SAFETY: the caller's; what is not ours was the C library's.
    raw::usable_size(block.cast()).unwrap_or_else(|| unsafe { raw::foreign::usable_size(block.cast()) })
}
