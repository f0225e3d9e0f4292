//! Blocks outside the reservation, which the system allocator serves: *large* ones, above the longest run, and
//! *fallback* ones of any size, when memory in the reservation is short.
//!
//! Large blocks are listed with their lengths by address, so that a pointer alone tells whether it is one of them: a look-up
//! halves the list at each step. To list a block moves those above it, which is nothing beside its mapping. Fallback blocks
//! are only counted: while there are any, a pointer outside that is not listed is taken for one.
//!
//! # Invariants
//! 1. Entries `0 .. *LISTED` of the list are the large blocks, each once, in ascending order of their addresses; they are
//!    touched under the lock of `LISTED`.
//! 2. [`LARGE_BLOCKS`] is at least one while a block that was handed out is listed.

use crate::os::{Region, backing};
use crate::sync::{AtomicUsize, Lock, Ordering};
use core::alloc::Layout;

struct Entry {
    address: *mut u8,
    bytes: usize,
}

static LIST: Region<Entry> = Region::new();
static LISTED: Lock<u32> = Lock::new(0);
static LARGE_BLOCKS: AtomicUsize = AtomicUsize::new(0);
static LARGE_BYTES: AtomicUsize = AtomicUsize::new(0);
static FALLBACK_BLOCKS: AtomicUsize = AtomicUsize::new(0);

/// What the system allocator serves now.
pub(crate) struct Counts {
    pub(crate) large_blocks: usize,
    pub(crate) large_bytes: usize,
    pub(crate) fallback_blocks: usize,
}

pub(crate) fn counts() -> Counts {
    // ORDERING: Relaxed: statistics.
    Counts {
        large_blocks: LARGE_BLOCKS.load(Ordering::Relaxed),
        large_bytes: LARGE_BYTES.load(Ordering::Relaxed),
        fallback_blocks: FALLBACK_BLOCKS.load(Ordering::Relaxed),
    }
}

/// Bytes of reserved memory that a list of `limit` large blocks needs.
pub(crate) fn region_bytes(limit: u32) -> usize {
    Region::<Entry>::bytes(limit)
}

/// Gives the list its place in reserved memory.
///
/// # Safety
/// As for [`Region::place`].
pub(crate) unsafe fn place(base: *mut u8, limit: u32) {
    // SAFETY: the caller's.
    unsafe { LIST.place(base, limit) };
}

/// A large block, or null.
pub(crate) fn alloc_large(layout: Layout, zeroed: bool) -> *mut u8 {
    let block = backing::alloc(layout, zeroed);
    if !block.is_null() {
        list(block, layout.size());
    }
    block
}

/// A block that may take the place of one from a pool or a run, or null.
pub(crate) fn alloc_fallback(layout: Layout) -> *mut u8 {
    let block = backing::alloc(layout, false);
    if !block.is_null() {
        // ORDERING: Relaxed: whoever frees the block got it from here.
        FALLBACK_BLOCKS.fetch_add(1, Ordering::Relaxed);
    }
    block
}

/// Frees a block that is not in the reservation. False, and nothing is done, if it is not from here.
///
/// # Safety
/// If the block is from here, nobody uses it any more.
pub(crate) unsafe fn free(block: *mut u8) -> bool {
    let known = unlist(block).is_some() || uncount_fallback();
    if known {
        // SAFETY: it came from `backing`, as far as anybody can tell, and the caller's.
        unsafe { backing::free(block) };
    }
    known
}

/// Makes the large block aligned to `align` one of `bytes` bytes by the system's own means, which may move it; null if
/// there is no memory. None if the block is not listed.
///
/// # Safety
/// If the block is from here, it is the caller's, and was allocated with that alignment.
pub(crate) unsafe fn resize(block: *mut u8, align: usize, bytes: usize) -> Option<*mut u8> {
    // Off the list before the system has it: it may hand the place out again at once.
    let old_bytes = unlist(block)?;
    let resized = Layout::from_size_align(old_bytes, align).map_or(core::ptr::null_mut(), |layout| {
        // SAFETY: the block came from `backing` with that size, and with the alignment by the caller.
        unsafe { backing::realloc(block, layout, bytes) }
    });
    if resized.is_null() {
        list(block, old_bytes);
    } else {
        list(resized, bytes);
    }
    Some(resized)
}

/// The bytes of a block; none if it is not from here.
#[cfg(feature = "raw")]
pub(crate) fn bytes_of(block: *mut u8) -> Option<usize> {
    if block.is_null() {
        return None;
    }
    // SAFETY: the entry is accessible and initialised, and the lock is held.
    let listed = with_entry(block, |_, index| unsafe { (*LIST.at(index)).bytes });
    // ORDERING: Relaxed: whoever has such a block got it after it was counted.
    // SAFETY: it came from `backing`, as far as anybody can tell.
    listed.or_else(|| (FALLBACK_BLOCKS.load(Ordering::Relaxed) > 0).then(|| unsafe { backing::usable_size(block) }))
}

/// Takes one from the count of fallback blocks; false if there are none.
fn uncount_fallback() -> bool {
    // ORDERING: Relaxed: whoever frees such a block got it after it was counted.
    FALLBACK_BLOCKS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
}

fn list(address: *mut u8, bytes: usize) {
    let mut listed = LISTED.lock();
    if !LIST.grow(*listed + 1) {
        // ORDERING: Relaxed: as for any fallback block.
        FALLBACK_BLOCKS.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let (Ok(index) | Err(index)) = find(*listed, address);
    // SAFETY: entries up to the length are accessible, and the lock is held.
    unsafe {
        let place = LIST.at(index);
        place.copy_to(place.add(1), (*listed - index) as usize);
        place.write(Entry { address, bytes });
    }
    *listed += 1;
    // ORDERING: Relaxed: whoever asks about the block got it from here.
    LARGE_BLOCKS.fetch_add(1, Ordering::Relaxed);
    LARGE_BYTES.fetch_add(bytes, Ordering::Relaxed);
}

fn unlist(block: *mut u8) -> Option<usize> {
    let bytes = with_entry(block, |listed, index| {
        *listed -= 1;
        // SAFETY: entries up to the old length are accessible and initialised, and the lock is held.
        unsafe {
            let place = LIST.at(index);
            let bytes = (*place).bytes;
            place.copy_from(place.add(1), (*listed - index) as usize);
            bytes
        }
    })?;
    // ORDERING: Relaxed: statistics, and a hint to those who have no such block.
    LARGE_BLOCKS.fetch_sub(1, Ordering::Relaxed);
    LARGE_BYTES.fetch_sub(bytes, Ordering::Relaxed);
    Some(bytes)
}

/// Calls `visit` with the length of the list and the index of the entry for `block`, if there is one.
fn with_entry<R>(block: *mut u8, visit: impl FnOnce(&mut u32, u32) -> R) -> Option<R> {
    // ORDERING: Relaxed: whoever has a large block got it after it was counted.
    if LARGE_BLOCKS.load(Ordering::Relaxed) == 0 {
        return None;
    }
    let mut listed = LISTED.lock();
    let index = find(*listed, block).ok()?;
    Some(visit(&mut listed, index))
}

/// The index of the entry for `block` among the first `listed`, or where it belongs. The lock is held.
fn find(listed: u32, block: *mut u8) -> Result<u32, u32> {
    if listed == 0 {
        return Err(0);
    }
    // SAFETY: entries below the length are accessible and initialised, and the lock is held.
    let entries = unsafe { core::slice::from_raw_parts(LIST.at(0), listed as usize) };
    let found = entries.binary_search_by_key(&block.addr(), |entry| entry.address.addr());
    found.map(|index| index as u32).map_err(|index| index as u32)
}

/// For the fork handlers.
pub(super) fn list_lock() -> &'static Lock<u32> {
    &LISTED
}
