//! The functions of `cenote.h`, which documents them, but for those of heaps.
//!
//! # Safety
//! Of all: as the header has it.

#![allow(clippy::missing_safety_doc, reason = "said once, above")]

use crate::report;
use crate::rules;
use cenote::{Cenote, Options, PurgeMode, raw};
use core::ffi::{c_char, c_int, c_void};
use core::time::Duration;
use std::ffi::CStr;

#[unsafe(no_mangle)]
pub extern "C" fn cenote_malloc(size: usize) -> *mut c_void {
    rules::malloc(size)
}

#[unsafe(no_mangle)]
pub extern "C" fn cenote_calloc(count: usize, size: usize) -> *mut c_void {
    rules::calloc(count, size)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cenote_realloc(block: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the caller's.
    unsafe { rules::realloc(block, size) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cenote_reallocarray(block: *mut c_void, count: usize, size: usize) -> *mut c_void {
    // SAFETY: the caller's.
    unsafe { rules::reallocarray(block, count, size) }
}

#[unsafe(no_mangle)]
pub extern "C" fn cenote_aligned_alloc(align: usize, size: usize) -> *mut c_void {
    rules::aligned_alloc(align, size)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cenote_posix_memalign(place: *mut *mut c_void, align: usize, size: usize) -> c_int {
    // SAFETY: the caller's.
    unsafe { rules::posix_memalign(place, align, size) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cenote_free(block: *mut c_void) {
    // SAFETY: the caller's.
    unsafe { rules::free(block) }
}

/// Here the size is believed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cenote_free_sized(block: *mut c_void, size: usize) {
    // SAFETY: the caller's.
    let freed = unsafe { raw::free_sized(block.cast(), size) };
    debug_assert!(freed.is_ok(), "the caller's block came from here");
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cenote_free_aligned_sized(block: *mut c_void, align: usize, size: usize) {
    // SAFETY: the caller's.
    let freed = unsafe { raw::free_aligned_sized(block.cast(), align, size) };
    debug_assert!(freed.is_ok(), "the caller's block came from here");
}

#[unsafe(no_mangle)]
pub extern "C" fn cenote_usable_size(block: *const c_void) -> usize {
    raw::usable_size(block.cast_mut().cast()).unwrap_or(0)
}

#[unsafe(no_mangle)]
pub extern "C" fn cenote_good_size(size: usize) -> usize {
    cenote::good_size(size.max(1))
}

#[unsafe(no_mangle)]
pub extern "C" fn cenote_owns(block: *const c_void) -> bool {
    raw::owns(block.cast_mut().cast())
}

#[unsafe(no_mangle)]
pub extern "C" fn cenote_purge() -> usize {
    Cenote::purge()
}

#[unsafe(no_mangle)]
pub extern "C" fn cenote_stats_text() -> *mut c_char {
    handed_over(&report::text())
}

#[unsafe(no_mangle)]
pub extern "C" fn cenote_stats_json() -> *mut c_char {
    handed_over(&report::json())
}

#[unsafe(no_mangle)]
pub extern "C" fn cenote_version() -> *const c_char {
    const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version holds no zero"),
    };
    VERSION.as_ptr()
}

/// The values of `cenote_option_t`.
mod option {
    use core::ffi::c_int;

    pub const RETAIN_BYTES: c_int = 0;
    pub const PURGE: c_int = 1;
    pub const PURGE_DELAY_MS: c_int = 2;
    pub const STATS_AT_EXIT: c_int = 3;
    pub const VERIFY: c_int = 4;
    pub const LEAN: c_int = 5;
}

/// The values that `CENOTE_PURGE` takes.
const PURGE_MODES: [PurgeMode; 3] = [PurgeMode::Thread, PurgeMode::Inline, PurgeMode::Off];

#[unsafe(no_mangle)]
pub extern "C" fn cenote_set_option(which: c_int, value: usize) -> c_int {
    let options = Options::new();
    let options = match (which, value) {
        (option::RETAIN_BYTES, bytes) => options.retain_bytes(bytes),
        (option::PURGE, mode) if mode < PURGE_MODES.len() => options.purge(PURGE_MODES[mode]),
        (option::PURGE_DELAY_MS, ms @ 1..=60_000) => options.purge_delay(Duration::from_millis(ms as u64)),
        (option::STATS_AT_EXIT, on @ 0..=1) => options.stats_at_exit(on == 1),
        (option::VERIFY, level @ 0..=2) => options.verify(level as u32),
        (option::LEAN, on @ 0..=1) => options.lean(on == 1),
        _ => return libc::EINVAL,
    };
    Cenote::configure(&options);
    0
}

/// A copy of `text` for the caller to free, or null.
fn handed_over(text: &CStr) -> *mut c_char {
    let bytes = text.to_bytes_with_nul();
    let copy: *mut c_char = rules::malloc(bytes.len()).cast();
    if !copy.is_null() {
        // SAFETY: the block has that many bytes, and is nobody else's.
        unsafe { copy.copy_from_nonoverlapping(bytes.as_ptr().cast(), bytes.len()) };
    }
    copy
}
