//! The fast path: one magazine for each class, in thread-local memory.
//!
//! The states of a thread's cache:
//!
//! | state | `heap` | tops | slow path |
//! |---|---|---|---|
//! | new | none | no magazine | adopts a heap |
//! | attached | the thread's | its magazines | exchanges magazines with the heap |
//! | ended (its exit hook ran) | none | no magazine | goes to the pools for each block |
//!
//! A thread under verification stays without magazines, so that every call takes the slow path and is checked there;
//! nothing of it costs the fast path anything.
//!
//! # Invariants
//! 1. Tops point at magazines of the heap in `heap`, and change only by this thread, or under that heap's lock once the
//!    thread is gone.
//! 2. Which magazine a top points into changes only under that lock. Who has it may take blocks from below
//!    ([`undercut`](crate::sync::undercut)).

use super::{init, purger, settings, storage};
use crate::base::config::MAGAZINE_SLOTS;
use crate::base::size_class::size_of;
use crate::heap::magazine::{self, Tops, no_magazine};
use crate::heap::{self, Heap, heap_at, outside, residency};
use crate::os::{self, ThreadExit};
use crate::pool;
use crate::sync::Ordering;
use core::cell::Cell;
use core::ffi::c_void;
use core::alloc::Layout;

/// See the module.
#[repr(C)]
pub(super) struct Cache {
    tops: Tops,
    heap: Cell<Option<&'static Heap>>,
    ended: Cell<bool>,
    #[cfg(feature = "raw")]
    reach: pool::Reach,
}

impl Cache {
    /// In state new.
    #[allow(dead_code, reason = "for one kind of storage")]
    pub(super) const fn new() -> Self {
        Self {
            tops: Tops::new(),
            heap: Cell::new(None),
            ended: Cell::new(false),
            #[cfg(feature = "raw")]
            reach: pool::Reach::new(),
        }
    }

    /// Bytes in front of those that are zero in state new: the tops.
    #[allow(dead_code, reason = "for the other kind of storage")]
    pub(super) const TOPS_BYTES: usize = core::mem::size_of::<Tops>();
}

static EXIT: ThreadExit = ThreadExit::new();

/// The byte that freed blocks are filled with under verification level 2.
const FREED: u8 = 0xdf;

/// A block of `class`, or null.
#[inline(always)]
pub(crate) fn alloc(class: usize) -> *mut u8 {
    storage::with(|cache| {
        let place = cache.tops.place(class);
        // ORDERING: Relaxed: this thread's own.
        let top = place.load(Ordering::Relaxed);
        // SAFETY: the magazine is this thread's, or there is none.
        let block = unsafe { magazine::peek(top) };
        if block.is_null() {
            return alloc_slow(class);
        }
        magazine::set_top(place, magazine::pop(top));
        block
    })
}

/// Frees a block of `class`.
///
/// # Safety
/// The block came from [`alloc`] of the same class and nobody uses it any more.
#[inline(always)]
pub(crate) unsafe fn free(block: *mut u8, class: usize) {
    storage::with(|cache| {
        let place = cache.tops.place(class);
        // ORDERING: Relaxed: this thread's own.
        let top = place.load(Ordering::Relaxed);
        if magazine::is_full(top) {
            // SAFETY: the caller's.
            return unsafe { free_slow(block, class) };
        }
        // SAFETY: the magazine is this thread's, and not full.
        magazine::set_top(place, unsafe { magazine::push(top, block) });
    });
}

/// A block of `class` if this thread has one ready, else null.
#[cfg(feature = "raw")]
#[inline(always)]
pub(crate) fn alloc_ready(class: usize) -> *mut u8 {
    storage::with(|cache| {
        let place = cache.tops.place(class);
        // ORDERING (both): Relaxed: this thread's own.
        // SAFETY: the magazine is this thread's, or there is none.
        let block = unsafe { magazine::peek(place.load(Ordering::Relaxed)) };
        if !block.is_null() {
            // Loaded again, so that one instruction may do it all.
            magazine::set_top(place, magazine::pop(place.load(Ordering::Relaxed)));
        }
        block
    })
}

/// Frees a block if it is one of a pool in reach and this thread's magazine has room for it; else does nothing and returns
/// false.
///
/// # Safety
/// If it came from here, nobody uses it any more.
#[cfg(feature = "raw")]
#[inline(always)]
pub(crate) unsafe fn free_ready(block: *mut u8) -> bool {
    storage::with(|cache| {
        // SAFETY: the caller's.
        let Some(kind) = (unsafe { cache.reach.kind_number_at(block) }) else { return false };
        let place = cache.tops.place_of_kind(kind);
        // ORDERING (both): Relaxed: this thread's own.
        let top = place.load(Ordering::Relaxed);
        if magazine::is_full(top) {
            return false;
        }
        // SAFETY: the magazine is this thread's, and not full.
        unsafe { magazine::push(top, block) };
        // Loaded again, so that one instruction may do it all.
        magazine::set_top(place, place.load(Ordering::Relaxed).wrapping_add(1));
        true
    })
}

/// Sees to it that [`free_ready`] knows all there is.
#[cfg(feature = "raw")]
pub(crate) fn update_reach() {
    storage::with(|cache| cache.reach.update());
}

#[cold]
#[inline(never)]
fn alloc_slow(class: usize) -> *mut u8 {
    storage::with(|cache| {
        let Some(heap) = attached(cache) else { return alloc_direct(heap::COMMUNAL, class) };
        if settings::verify() > 0 || residency::is_uncached(class) {
            return alloc_direct(heap.id, class);
        }
        let mut inner = heap.inner.lock();
        // A heap that was just adopted may have brought a magazine, and somebody who had the lock may have put blocks back.
        let top = cache.tops.get(class);
        // SAFETY: the magazine is this thread's, or there is none.
        let filled = if unsafe { magazine::peek(top) }.is_null() { inner.fill(class, top) } else { Some(top) };
        let Some(top) = filled else {
            drop(inner);
            return alloc_direct(heap.id, class);
        };
        cache.tops.set(class, magazine::pop(top));
        // SAFETY: the magazine is this thread's.
        unsafe { magazine::peek(top) }
    })
}

#[cold]
#[inline(never)]
unsafe fn free_slow(block: *mut u8, class: usize) {
    storage::with(|cache| {
        let heap = match attached(cache) {
            Some(heap) if settings::verify() == 0 && !residency::is_uncached(class) => heap,
            // SAFETY: the caller's.
            _ => return unsafe { free_direct(block, class) },
        };
        let mut inner = heap.inner.lock();
        // A heap that was just adopted may have brought a magazine, and another thread may have taken blocks from it.
        let top = cache.tops.get(class);
        let room = if top == no_magazine() && inner.is_first_of_line(class) {
            None
        } else if magazine::is_full(top) {
            inner.make_room(class, top)
        } else {
            Some(top)
        };
        let (report, overfull) = (inner.take_report(), inner.take_overfull());
        match room {
            Some(top) => {
                // SAFETY: `make_room` returns magazines with room, and this one is the thread's now.
                cache.tops.set(class, unsafe { magazine::push(top, block) });
            }
            None => cache.tops.set(class, no_magazine()),
        }
        drop(inner);
        if room.is_none() {
            // SAFETY: the caller's.
            unsafe { heap::free_into_owner(block, class) };
        }
        if let Some(id) = overfull
            // If somebody has the lock, it is the owner, who collects when it needs blocks, or another helper.
            && let Some(mut other) = heap_at(id).inner.try_lock()
        {
            other.collect();
        }
        if let Some(bytes) = report {
            purger::note(bytes);
        }
    });
}

/// A block straight from a pool of heap `id`, without magazines, or else from the system allocator.
fn alloc_direct(id: u32, class: usize) -> *mut u8 {
    let block = if init::ready() { take_direct(id, class) } else { core::ptr::null_mut() };
    if block.is_null() { alloc_fallback(class) } else { block }
}

/// A block straight from a pool of heap `id`, which exists, without magazines; or null.
pub(crate) fn take_direct(id: u32, class: usize) -> *mut u8 {
    let mut block = core::ptr::null_mut();
    // SAFETY: there is room for one pointer.
    let taken = unsafe { heap_at(id).inner.lock().take_blocks(class, &mut block, 1) };
    // What was never used holds whatever was there before the pool.
    if settings::verify() > 1 && taken.blocks > taken.never_used {
        // SAFETY: the block is of this class and nobody else's.
        unsafe { check_filling(block, class) };
    }
    block
}

/// Puts a block of `class` straight into its pool.
///
/// # Safety
/// As for [`free`]; or the block is of class `class` of a first-class heap.
pub(crate) unsafe fn free_direct(block: *mut u8, class: usize) {
    if settings::verify() > 1 && pool::slice_of(block).is_some_and(|slice| pool::word_of(slice).is_pool_of(class)) {
        // SAFETY: the caller's: the block is free, and of this class as its slice says.
        unsafe { core::ptr::write_bytes(block, FREED, size_of(class)) };
    }
    // SAFETY: the caller's.
    unsafe { heap::free_into_owner(block, class) };
    purger::note(size_of(class));
}

/// Aborts if a free block was written to: it must hold zeros, or what [`free_direct`] left there.
unsafe fn check_filling(block: *mut u8, class: usize) {
    for offset in 0..size_of(class) {
        // SAFETY: the caller's: the block is of this class.
        let byte = unsafe { *block.add(offset) };
        if byte != 0 && byte != FREED {
            os::die(format_args!("write to freed block {block:p}, at offset {offset}"));
        }
    }
}

/// A block from the system allocator that may take the place of any block of `class`.
fn alloc_fallback(class: usize) -> *mut u8 {
    let size = size_of(class);
    // The largest alignment that blocks of this class have anyway.
    let align = 1 << size.trailing_zeros();
    Layout::from_size_align(size, align).map_or(core::ptr::null_mut(), outside::alloc_fallback)
}

/// The thread's heap; none if the thread ended or there is no memory for one.
fn attached(cache: &Cache) -> Option<&'static Heap> {
    if let Some(heap) = cache.heap.get() {
        return Some(heap);
    }
    if cache.ended.get() || !init::ready() {
        return None;
    }
    let heap = heap::adopt_for_thread()?;
    let inner = heap.inner.lock();
    inner.parked().move_to(&cache.tops);
    // ORDERING: Relaxed: read under the heap's lock, which is held.
    heap.tops.store((&raw const cache.tops).cast_mut(), Ordering::Relaxed);
    drop(inner);
    cache.heap.set(Some(heap));
    if !EXIT.arm() {
        // Nobody would tell when the thread ends, so it must not keep a heap.
        detach(cache);
        return None;
    }
    Some(heap)
}

/// Leaves the thread's heap, magazines and all, to whoever adopts it.
fn detach(cache: &Cache) {
    cache.ended.set(true);
    if let Some(heap) = cache.heap.take() {
        let mut inner = heap.inner.lock();
        cache.tops.move_to(inner.parked());
        let left = inner.take_last_report();
        // ORDERING: Relaxed: read under the heap's lock, which is held.
        heap.tops.store(core::ptr::null_mut(), Ordering::Relaxed);
        // Still under the lock: a fork, which waits for it, finds the heap either a thread's or an orphan.
        heap::orphan(heap);
        drop(inner);
        purger::note(left);
    }
}

/// Makes the system tell of the end of threads. Once, before any thread attaches.
pub(super) fn watch_threads() {
    unsafe extern "C" fn ended(_: *mut c_void) {
        storage::with(detach);
    }
    EXIT.set(ended);
}

/// Where this thread's cache lies, which no other thread's does while it lives.
pub(super) fn place() -> usize {
    storage::with(|cache| (&raw const *cache).addr())
}

/// The number of this thread's heap, if it has one.
pub(crate) fn heap_id() -> Option<u32> {
    storage::with(|cache| cache.heap.get().map(|heap| heap.id))
}

/// Flushes this thread's magazines into the pools.
pub(crate) fn flush() {
    storage::with(|cache| {
        let Some(heap) = cache.heap.get() else { return };
        let mut inner = heap.inner.lock();
        inner.flush_all(&cache.tops);
    });
}

const _: () = assert!(MAGAZINE_SLOTS > 2, "a magazine has a floor and room for two blocks");
