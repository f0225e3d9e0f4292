//! `malloc` and its kin: an allocator that is told no layouts, for C programs and for language runtimes.
//!
//! A block is found by its address: the slice that it lies in says of which class it is. So blocks of this module and those
//! of [`Cenote`](crate::Cenote) are the same blocks: each may be freed by either, by any thread. Blocks of a
//! [`Heap`](crate::Heap) are that heap's to free.
//!
//! ```
//! use cenote::raw;
//!
//! let block = raw::malloc(100);
//! assert!(raw::owns(block) && raw::usable_size(block) >= Some(100));
//! // SAFETY: the block came from here and is used by nobody else.
//! unsafe {
//!     let block = raw::realloc(block, 1000).expect("the block came from here");
//!     raw::free(block).expect("the block came from here");
//! }
//!
//! let mut foreign = 0_u8;
//! // SAFETY: foreign pointers are not touched.
//! assert_eq!(unsafe { raw::free(&raw mut foreign) }, Err(raw::Foreign));
//! ```
//!
//! A block of at least 16 bytes is aligned to 16, a smaller one to 8. A request of no bytes is served like one of one byte.
//! Requests above `isize::MAX` bytes are refused. All functions may be called from any thread, at any time that
//! [`Cenote`](crate::Cenote)'s may; none changes `errno` but where it returns null.
//!
//! Misuse ends the process as the crate's documentation says. A pointer that lies outside all memory of cenote is
//! [`Foreign`]; while the program has blocks that [`Stats::fallback_blocks`](crate::Stats::fallback_blocks) counts, such a
//! pointer may be taken for one of them.

use super::engine;
use crate::base::size_class::{CLASS_MAX_BYTES, SMALL_MAX_BYTES, class_of, class_of_small, padded, size_of};
use crate::pool;
use crate::thread::large::{self, Want};
use crate::thread::{by_address, cache};
use core::fmt;
use core::ptr::null_mut;
use core::alloc::Layout;

/// The pointer did not come from cenote; nothing was done with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Foreign;

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pointer did not come from cenote")
    }
}

impl core::error::Error for Foreign {}

/// The alignment of blocks that are long enough for it.
const ALIGN: usize = 16;

/// The class of the pool that `block` lies in, if it lies in one.
#[inline(always)]
fn class_at(block: *mut u8) -> Option<usize> {
    pool::slice_of(block).and_then(|slice| pool::word_of(slice).class())
}

/// A block of at least `size` bytes; null if there is no memory.
#[inline(always)]
pub fn malloc(size: usize) -> *mut u8 {
    if size <= CLASS_MAX_BYTES {
        // SAFETY: just compared.
        cache::alloc(unsafe { class_of(size) })
    } else {
        malloc_large(size, Want::Plain)
    }
}

/// A block of at least `size` bytes if that is small and this thread has one ready; else null, and [`malloc`] is to be asked.
/// For those who want these few instructions in place, and the rest elsewhere.
#[inline(always)]
pub fn malloc_ready(size: usize) -> *mut u8 {
    if size <= SMALL_MAX_BYTES {
        // SAFETY: just compared.
        cache::alloc_ready(unsafe { class_of_small(size) })
    } else {
        null_mut()
    }
}

/// A block for `count` times `size` bytes, all zero; null if there is no memory or the product overflows.
#[inline]
pub fn calloc(count: usize, size: usize) -> *mut u8 {
    let Some(bytes) = count.checked_mul(size) else { return null_mut() };
    if bytes > CLASS_MAX_BYTES {
        return malloc_large(bytes, Want::Zeroed);
    }
    let block = malloc(bytes);
    if !block.is_null() {
        // SAFETY: the block has at least that many bytes.
        unsafe { block.write_bytes(0, bytes) };
    }
    block
}

/// A block of at least `size` bytes at a multiple of `align`; null if there is no memory or `align` is not a power of two.
#[inline]
pub fn aligned_alloc(align: usize, size: usize) -> *mut u8 {
    Layout::from_size_align(size.max(1), align).map_or(null_mut(), engine::alloc)
}

/// Frees `block`; nothing is done for null.
///
/// # Errors
/// [`Foreign`], if it did not come from here.
///
/// # Safety
/// If it came from here, nobody uses it any more.
#[inline(always)]
pub unsafe fn free(block: *mut u8) -> Result<(), Foreign> {
    match class_at(block) {
        // SAFETY: the caller's, and of that class as its slice says.
        Some(class) => unsafe { cache::free(block, class) },
        // SAFETY: the caller's.
        None => return unsafe { free_unpooled(block) },
    }
    Ok(())
}

/// Frees `block` if this thread has room for it at hand, and tells whether it did; else nothing is done, and [`free`] is to
/// be asked. For those who want these few instructions in place, and the rest elsewhere; see [`prepare`].
///
/// # Safety
/// As for [`free`].
#[inline(always)]
pub unsafe fn free_ready(block: *mut u8) -> bool {
    // SAFETY: the caller's.
    unsafe { cache::free_ready(block) }
}

/// Sees to it that [`free_ready`] has room on this thread for blocks of all the memory there is now. To be called when it had
/// none: before the first call there is none, and memory that was obtained since the last one is not known to it.
#[inline]
pub fn prepare() {
    cache::update_reach();
}

/// Frees `block`, whose size the caller remembers: faster than [`free`], as nothing is looked up.
///
/// # Errors
/// [`Foreign`], if it did not come from here, and `size` is above 32 KiB; otherwise such a pointer is misuse.
///
/// # Safety
/// As for [`free`]. The block is null, or came from [`malloc`], [`calloc`] or [`realloc`] with that size.
#[inline(always)]
pub unsafe fn free_sized(block: *mut u8, size: usize) -> Result<(), Foreign> {
    if size > CLASS_MAX_BYTES {
        // SAFETY: the caller's.
        return unsafe { free_unpooled(block) };
    }
    if !block.is_null() {
        // SAFETY: the caller's: blocks of this size have this class.
        unsafe { cache::free(block, class_of(size)) };
    }
    Ok(())
}

/// Frees `block`, whose size and alignment the caller remembers.
///
/// # Errors
/// As for [`free_sized`].
///
/// # Safety
/// As for [`free`]. The block is null, or came from [`aligned_alloc`] with that alignment and size.
#[inline(always)]
pub unsafe fn free_aligned_sized(block: *mut u8, align: usize, size: usize) -> Result<(), Foreign> {
    // SAFETY: the caller's; the class is that of the padded size, which cannot overflow as there is such a block.
    unsafe { free_sized(block, padded(size.max(1), align)) }
}

/// A block of at least `size` bytes with the contents of `block`, as much of them as fits: `block` itself where it will do,
/// else another, and `block` is freed. A new block for null; null if there is no memory, and then nothing has changed.
/// The new block is aligned as those of [`malloc`] are, whatever `block` was.
///
/// # Errors
/// [`Foreign`], if `block` did not come from here.
///
/// # Safety
/// `block` is null, or came from here and is the caller's, or did not come from here.
#[inline]
pub unsafe fn realloc(block: *mut u8, size: usize) -> Result<*mut u8, Foreign> {
    if block.is_null() {
        return Ok(malloc(size));
    }
    let old_size = match class_at(block) {
        // SAFETY: the second operand is evaluated for sizes that have a class alone.
        Some(class) if size <= CLASS_MAX_BYTES && unsafe { class_of(size) } == class => return Ok(block),
        Some(class) => size_of(class),
        // SAFETY: the caller's.
        None => match unsafe { resize_unpooled(block, size)? } {
            Resized::Done(block) => return Ok(block),
            Resized::Move { old_size } => old_size,
        },
    };
    let new = match size {
        ..=CLASS_MAX_BYTES if size > old_size => malloc_growing(size),
        ..=CLASS_MAX_BYTES => malloc(size),
        _ => malloc_large(size, if size > old_size { Want::Growing(old_size) } else { Want::Plain }),
    };
    if !new.is_null() {
        // SAFETY: both blocks have that many bytes and are distinct; the old one is the caller's to free.
        unsafe {
            new.copy_from_nonoverlapping(block, old_size.min(size));
            free(block)?;
        }
    }
    Ok(new)
}

/// The bytes that `block` really has, all of which may be used; none if it is null or did not come from here.
#[inline]
pub fn usable_size(block: *mut u8) -> Option<usize> {
    match class_at(block) {
        Some(class) => Some(size_of(class)),
        None => by_address::bytes_at(block),
    }
}

/// Whether `block` came from here, as far as a pointer tells: it lies in cenote's memory, or is the start of a block above
/// it. Null did not.
#[inline]
pub fn owns(block: *mut u8) -> bool {
    pool::slice_of(block).is_some() || by_address::bytes_at(block).is_some()
}

/// A block that has a class, for one that grows.
fn malloc_growing(size: usize) -> *mut u8 {
    // SAFETY: the caller's: the size has a class.
    let run = large::alloc_stand_in(size, unsafe { class_of(size) });
    if run.is_null() { malloc(size) } else { run }
}

/// A block above the largest class.
#[cold]
#[inline(never)]
fn malloc_large(size: usize, want: Want) -> *mut u8 {
    Layout::from_size_align(size, ALIGN).map_or(null_mut(), |layout| large::alloc(layout, want))
}

/// [`free`] for what is not in a pool.
#[cold]
#[inline(never)]
unsafe fn free_unpooled(block: *mut u8) -> Result<(), Foreign> {
    // SAFETY: the caller's.
    if block.is_null() || unsafe { by_address::free(block) } { Ok(()) } else { Err(Foreign) }
}

/// What became of a block that was to have another size.
enum Resized {
    /// It has that size now, or there is no memory and this is null.
    Done(*mut u8),
    /// It has to be moved.
    Move { old_size: usize },
}

/// [`realloc`] for what is not in a pool, as far as that can be done without the caller.
#[cold]
unsafe fn resize_unpooled(block: *mut u8, size: usize) -> Result<Resized, Foreign> {
    let Some(old_size) = by_address::bytes_at(block) else {
        by_address::die_unless_run_or_outside(block);
        return Err(Foreign);
    };
    let resized = match (Layout::from_size_align(old_size, ALIGN), Layout::from_size_align(size, ALIGN)) {
        (_, Err(_)) => Some(null_mut()),
        // SAFETY: the caller's; it was found out that the block has that layout.
        (Ok(old), Ok(new)) if size > CLASS_MAX_BYTES => unsafe { large::resize(block, old, new) },
        // SAFETY: the caller's; the size has a class.
        _ => unsafe { large::grow_stand_in(block, size, Some(class_of(size))) }.then_some(block),
    };
    Ok(resized.map_or(Resized::Move { old_size }, Resized::Done))
}

/// Blocks that did not come from cenote, in a program whose `malloc` it is: the C library's own.
#[cfg(feature = "interpose")]
pub mod foreign {
    use crate::os::backing;

    /// Has the C library free a block. Where it cannot be asked to, the block stays.
    ///
    /// # Safety
    /// The C library allocated it, and nobody uses it any more.
    pub unsafe fn free(block: *mut u8) {
        // SAFETY: the caller's.
        unsafe { backing::free_foreign(block) }
    }

    /// Has the C library make a block one of `bytes` bytes. Null if it cannot; then nothing has changed.
    ///
    /// # Safety
    /// The C library allocated it, and it is the caller's.
    pub unsafe fn realloc(block: *mut u8, bytes: usize) -> *mut u8 {
        // SAFETY: the caller's.
        unsafe { backing::realloc_foreign(block, bytes) }
    }

    /// The bytes that the C library says a block has; zero if it cannot be asked.
    ///
    /// # Safety
    /// The C library allocated it, and it is in use.
    pub unsafe fn usable_size(block: *mut u8) -> usize {
        // SAFETY: the caller's.
        unsafe { backing::foreign_usable_size(block) }
    }

    /// The function of this name that the program would have if this library defined none; null if there is none.
    pub fn next_definition(name: &core::ffi::CStr) -> *const core::ffi::c_void {
        backing::next_definition(name)
    }
}
