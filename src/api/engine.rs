//! The allocator itself, as the front ends see it. `passthrough.rs` offers the same over the system allocator.

use super::stats::{ClassStats, Stats};
use crate::base::config::*;
use crate::base::size_class::{CLASS_MAX_BYTES, class_of, padded, quick_class_of, size_of};
use crate::heap::magazine;
use crate::heap::{self, ARENAS, outside};
use crate::pool;
use crate::sync::Ordering;
use crate::thread::large::{self, Want};
use crate::thread::{cache, init, purger};
use core::alloc::Layout;

pub(super) use crate::thread::settings;

/// The class for `layout`, if it is served by pools.
#[inline(always)]
fn class_for(layout: Layout) -> Option<usize> {
    let size = padded(layout.size(), layout.align());
    // SAFETY: just compared.
    (size <= CLASS_MAX_BYTES).then(|| unsafe { class_of(size) })
}

/// The alignment that every class has. Nearly no layout wants more, so that the way for those is out of line.
const COMMON_ALIGN: usize = 8;

/// Does as [`class_for`] for the layouts that are common; others may have a class all the same.
#[inline(always)]
fn quick_class_for(layout: Layout) -> Option<usize> {
    let is_common = layout.align() <= COMMON_ALIGN && layout.size() <= CLASS_MAX_BYTES;
    // SAFETY: just compared.
    is_common.then(|| unsafe { quick_class_of(layout.size()) })
}

/// See `GlobalAlloc::alloc`.
#[inline(always)]
pub(super) fn alloc(layout: Layout) -> *mut u8 {
    match quick_class_for(layout) {
        Some(class) => cache::alloc(class),
        None => alloc_other(layout),
    }
}

/// Does as [`alloc`].
#[cold]
#[inline(never)]
fn alloc_other(layout: Layout) -> *mut u8 {
    match class_for(layout) {
        Some(class) => cache::alloc(class),
        None => large::alloc(layout, Want::Plain),
    }
}

/// See `GlobalAlloc::alloc_zeroed`.
#[inline]
pub(super) fn alloc_zeroed(layout: Layout) -> *mut u8 {
    let Some(class) = quick_class_for(layout) else { return alloc_zeroed_other(layout) };
    let block = cache::alloc(class);
    if !block.is_null() {
        // SAFETY: a block of the size's class, all of which are whole words, just taken.
        unsafe { clear(block, layout.size()) };
    }
    block
}

/// Does as [`alloc_zeroed`].
#[cold]
#[inline(never)]
fn alloc_zeroed_other(layout: Layout) -> *mut u8 {
    let Some(class) = class_for(layout) else { return large::alloc(layout, Want::Zeroed) };
    let block = cache::alloc(class);
    if !block.is_null() {
        // SAFETY: the block has at least `layout.size()` bytes.
        unsafe { block.write_bytes(0, layout.size()) };
    }
    block
}

/// Clears the first `size` bytes of `block`. A small one is cleared word by word: a call that has to look at the size takes
/// longer than the few stores.
///
/// # Safety
/// The block has that many bytes, rounded up to words, is aligned to words, and nobody else's.
#[inline]
unsafe fn clear(block: *mut u8, size: usize) {
    const SMALL_BYTES: usize = 64;
    if size > SMALL_BYTES {
        // SAFETY: the caller's.
        return unsafe { block.write_bytes(0, size) };
    }
    for word in 0..size.div_ceil(core::mem::size_of::<u64>()) {
        // Volatile, or the compiler makes a call of the loop.
        // SAFETY: the caller's.
        unsafe { block.cast::<u64>().add(word).write_volatile(0) };
    }
}

/// See `GlobalAlloc::dealloc`.
///
/// # Safety
/// As for that.
#[inline(always)]
pub(super) unsafe fn dealloc(block: *mut u8, layout: Layout) {
    match quick_class_for(layout) {
        // SAFETY: the caller's; the same layout has the same class.
        Some(class) => unsafe { cache::free(block, class) },
        // SAFETY: the caller's.
        None => unsafe { dealloc_other(block, layout) },
    }
}

/// Does as [`dealloc`].
#[cold]
#[inline(never)]
unsafe fn dealloc_other(block: *mut u8, layout: Layout) {
    match class_for(layout) {
        // SAFETY: the caller's; the same layout has the same class.
        Some(class) => unsafe { cache::free(block, class) },
        // SAFETY: the caller's.
        None => unsafe { large::free(block, layout) },
    }
}

/// See `GlobalAlloc::realloc`.
///
/// # Safety
/// As for that.
#[inline]
pub(super) unsafe fn realloc(block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
    if layout.align() > COMMON_ALIGN || layout.size().max(new_size) > CLASS_MAX_BYTES {
        // SAFETY: the caller's.
        return unsafe { realloc_other(block, layout, new_size) };
    }
    // SAFETY: just compared.
    let (old, new) = unsafe { (quick_class_of(layout.size()), quick_class_of(new_size)) };
    if old == new {
        return block;
    }
    if new_size > STAND_IN_ABOVE_BYTES {
        // SAFETY: the caller's.
        let grown = unsafe { grow(block, layout, new_size, new) };
        if !grown.is_null() {
            return grown;
        }
    }
    // SAFETY: the caller's; the new block is of that class.
    unsafe { move_to(cache::alloc(new), block, layout, new_size) }
}

/// Moves the contents of `block`, as much of them as fits into the `new_size` bytes of `new`, and frees it. Does nothing if `new`
/// is null; returns it.
///
/// # Safety
/// `block` is the caller's and has `layout`; `new` is null or a new block.
#[inline(always)]
unsafe fn move_to(new: *mut u8, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
    if !new.is_null() {
        // SAFETY: both blocks have that many bytes and are distinct; the old one is the caller's to free.
        unsafe {
            new.copy_from_nonoverlapping(block, layout.size().min(new_size));
            dealloc(block, layout);
        }
    }
    new
}

/// Does as [`realloc`] for a block that grows to `new_size` bytes, of class `new`, by means of runs. Null if it shrinks or there are
/// none, and then nothing has changed.
#[cold]
#[inline(never)]
unsafe fn grow(block: *mut u8, layout: Layout, new_size: usize, new: usize) -> *mut u8 {
    if new_size < layout.size() {
        return core::ptr::null_mut();
    }
    // SAFETY: the caller's.
    if unsafe { large::grow_stand_in(block, new_size, Some(new)) } {
        return block;
    }
    // SAFETY: the caller's.
    unsafe { move_to(large::alloc_stand_in(new_size, new), block, layout, new_size) }
}

/// Does as [`realloc`].
#[cold]
#[inline(never)]
unsafe fn realloc_other(block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
    // SAFETY: the caller promises that the new layout is valid.
    let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
    // SAFETY: the caller's.
    if let Some(result) = unsafe { resize(block, layout, new_layout) } {
        return result;
    }
    let new = match class_for(new_layout) {
        Some(class) => cache::alloc(class),
        None => large::alloc(new_layout, if new_size > layout.size() { Want::Growing(layout.size()) } else { Want::Plain }),
    };
    // SAFETY: the caller's; the new block has so many bytes.
    unsafe { move_to(new, block, layout, new_size) }
}

/// Makes the block serve `new` where it is, or by the system's own means. `None` if it must be moved by the caller.
unsafe fn resize(block: *mut u8, old: Layout, new: Layout) -> Option<*mut u8> {
    match (class_for(old), class_for(new)) {
        (Some(a), Some(b)) => (a == b).then_some(block),
        // SAFETY: the caller's; both are above the largest class.
        (None, None) => unsafe { large::resize(block, old, new) },
        // SAFETY: the caller's.
        (Some(_), None) => unsafe { large::grow_stand_in(block, new.size(), None) }.then_some(block),
        (None, Some(_)) => None,
    }
}

/// The bytes a block for `layout` has.
pub(super) fn usable_size(layout: Layout) -> usize {
    match class_for(layout) {
        Some(class) => size_of(class),
        None => large::usable_size(layout),
    }
}

/// Gives back what can be given back at once; returns the bytes.
pub(super) fn purge() -> usize {
    cache::flush();
    purger::pass(true).purged_bytes
}

/// Panics unless all invariants hold. The caller makes sure that no other thread allocates or frees meanwhile.
pub(super) fn check() {
    if init::is_done() {
        heap::for_each(|heap| heap.inner.lock().check());
        ARENAS.check();
    }
}

/// See `Stats`.
pub(super) fn stats() -> Stats {
    let mut stats = Stats::default();
    if !init::is_done() {
        return stats;
    }
    let mut pool_slices = 0;
    for (class, stats) in stats.classes.iter_mut().enumerate() {
        *stats = ClassStats { block_bytes: size_of(class), ..ClassStats::default() };
    }
    heap::for_each(|heap| {
        let inner = heap.inner.lock();
        // ORDERING: Relaxed: written under the heap's lock, which is held, so that the thread is still there.
        let tops = heap.tops.load(Ordering::Relaxed);
        // SAFETY: a thread clears the pointer under that lock before its memory goes.
        let tops = unsafe { tops.as_ref() };
        for (class, total) in stats.classes.iter_mut().enumerate() {
            let counts = inner.counts(class, tops);
            total.pools += counts.pools;
            total.blocks += counts.blocks;
            pool_slices += counts.slices;
            // A cache may hold blocks of other heaps, so only the sum over all heaps tells what is in use.
            total.used_blocks += counts.taken;
            total.cached_blocks += counts.cached;
        }
        // ORDERING: Relaxed: a statistic.
        stats.remote_frees += heap.sent_blocks.load(Ordering::Relaxed);
        stats.heaps += 1;
    });
    for total in &mut stats.classes {
        // The counts of other threads move while they are read.
        total.cached_blocks = total.cached_blocks.min(total.used_blocks);
        total.used_blocks -= total.cached_blocks;
        stats.in_use_bytes += total.used_blocks * total.block_bytes;
        stats.cached_bytes += total.cached_blocks * total.block_bytes;
    }
    stats.pool_bytes = pool_slices * SLICE_BYTES;
    let arenas = ARENAS.counts();
    stats.run_bytes = arenas.used_slices.saturating_sub(pool_slices) * SLICE_BYTES;
    stats.in_use_bytes += stats.run_bytes;
    stats.arenas = arenas.arenas as usize;
    stats.dirty_bytes = arenas.dirty_slices * SLICE_BYTES;
    stats.committed_bytes = arenas.arenas as usize * ARENA_BYTES;
    stats.reserved_bytes = pool::MEMORY.limit() as usize * ARENA_BYTES;
    stats.purged_bytes = arenas.purged_slices * SLICE_BYTES;
    stats.purges = arenas.purges as usize;
    stats.magazines = magazine::count() as usize;
    let outside = outside::counts();
    (stats.large_blocks, stats.large_bytes) = (outside.large_blocks, outside.large_bytes);
    stats.fallback_blocks = outside.fallback_blocks;
    stats
}

/// A first-class heap.
#[derive(Debug)]
pub(super) struct RawHeap(Option<&'static heap::Heap>);

impl core::fmt::Debug for heap::Heap {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Heap").field("id", &self.id).finish_non_exhaustive()
    }
}

impl RawHeap {
    pub(super) fn new() -> Self {
        Self(if init::ready() { heap::create() } else { None })
    }

    /// A block of this heap, or null.
    pub(super) fn alloc(&self, layout: Layout, zeroed: bool) -> *mut u8 {
        let Some(heap) = self.0 else { return core::ptr::null_mut() };
        let Some(class) = class_for(layout) else {
            let run = large::alloc_run(layout, if zeroed { Want::Zeroed } else { Want::Plain }, heap.id);
            if let Some(first) = pool::slice_of(run) {
                heap.inner.lock().link_run(first);
            }
            return run;
        };
        let block =
            if settings::verify() > 0 { cache::take_direct(heap.id, class) } else { Self::alloc_cached(heap, class) };
        if zeroed && !block.is_null() {
            // SAFETY: the block has at least `layout.size()` bytes.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    /// A block of `class` from the heap's magazines, or null.
    fn alloc_cached(heap: &heap::Heap, class: usize) -> *mut u8 {
        let mut inner = heap.inner.lock();
        let mut top = inner.parked().get(class);
        // SAFETY: the magazine is this heap's, whose lock is held, or there is none.
        if unsafe { magazine::peek(top) }.is_null() {
            let Some(filled) = inner.fill(class, top) else { return core::ptr::null_mut() };
            top = filled;
        }
        inner.parked().set(class, magazine::pop(top));
        // SAFETY: as above; it holds a block.
        unsafe { magazine::peek(top) }
    }

    /// Frees a block of this heap.
    ///
    /// # Safety
    /// The block came from this heap with this layout and nobody uses it any more.
    pub(super) unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(heap) = self.0 else { return };
        let Some(class) = class_for(layout) else {
            if let Some((first, _)) = large::run_at(block, layout) {
                heap.inner.lock().unlink_run(first);
            }
            // SAFETY: the caller's.
            return unsafe { large::free(block, layout) };
        };
        if settings::verify() > 0 {
            // SAFETY: the caller's.
            return unsafe { cache::free_direct(block, class) };
        }
        let mut inner = heap.inner.lock();
        let top = inner.parked().get(class);
        let room = if magazine::is_full(top) { inner.make_room(class, top) } else { Some(top) };
        let report = inner.take_report();
        match room {
            Some(top) => {
                // SAFETY: the magazine has room and is this heap's, whose lock is held.
                inner.parked().set(class, unsafe { magazine::push(top, block) });
                drop(inner);
            }
            None => {
                inner.parked().set(class, magazine::no_magazine());
                drop(inner);
                // SAFETY: the caller's.
                unsafe { heap::free_into_owner(block, class) };
            }
        }
        if let Some(bytes) = report {
            purger::note(bytes);
        }
    }

    /// See [`resize`]; no memory of first-class heaps is the system allocator's.
    ///
    /// # Safety
    /// The block came from this heap with layout `old`; the alignments are equal.
    pub(super) unsafe fn resize(&self, block: *mut u8, old: Layout, new: Layout) -> Option<*mut u8> {
        // SAFETY: the caller's.
        unsafe { resize(block, old, new) }
    }
}

impl Drop for RawHeap {
    fn drop(&mut self) {
        if let Some(heap) = self.0 {
            let mut inner = heap.inner.lock();
            let freed = inner.destroy();
            drop(inner);
            heap::destroy(heap);
            purger::note(freed);
        }
    }
}
