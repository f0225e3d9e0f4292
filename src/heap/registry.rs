//! All heaps, by number, and who has them.
//!
//! States of a heap: *adopted* (a thread's, a first-class heap's, or the communal one's), *orphan* (its thread ended; the
//! next thread to start adopts it whole, with its magazines, or a thread that runs short takes pools over), *spare*
//! (a destroyed first-class heap: no pools). Heaps are never unmapped, so a number that a remote free read stays good.
//!
//! # Invariants
//! 1. An orphan or spare heap is in exactly one of the two stacks; whoever pops it has it.

use super::inner::Inner;
use super::magazine::Tops;
use crate::base::size_class::size_of;
use crate::os::Region;
use crate::pool;
use crate::sync::{AtomicPtr, AtomicU32, AtomicUsize, Lock, Mailbox, NIL, Ordering};

static HEAPS: Region<Heap> = Region::new();
static REGISTRY: Lock<Registry> = Lock::new(Registry { orphans: NIL, last_orphan: NIL, spares: NIL });
static COUNT: AtomicU32 = AtomicU32::new(0);

/// The heap of threads that have none: those that ended already but still run destructors.
pub(crate) const COMMUNAL: u32 = 0;

struct Registry {
    /// The orphans, the last to become one first; `last_orphan` is the end of that list if there is one.
    orphans: u32,
    last_orphan: u32,
    spares: u32,
}

/// A heap. See the module above.
pub(crate) struct Heap {
    /// Its number.
    pub(crate) id: u32,
    /// Its pools and its depot.
    pub(crate) inner: Lock<Inner>,
    /// Magazines of blocks that other threads freed.
    pub(crate) mailbox: Mailbox,
    /// The tops of the thread that has it; null if none.
    pub(crate) tops: AtomicPtr<Tops>,
    /// The next orphan or spare heap; guarded by the registry's lock.
    next: AtomicU32,
    /// Blocks that this heap's owner sent to other heaps.
    pub(crate) sent_blocks: AtomicUsize,
}

// SAFETY: its plain parts are behind a lock; the rest is atomic.
unsafe impl Sync for Heap {}

/// Bytes of reserved memory that `limit` heaps need.
pub(crate) fn region_bytes(limit: u32) -> usize {
    Region::<Heap>::bytes(limit)
}

/// Gives the heaps their place in reserved memory.
///
/// # Safety
/// As for [`Region::place`].
pub(crate) unsafe fn place(base: *mut u8, limit: u32) {
    // SAFETY: the caller's.
    unsafe { HEAPS.place(base, limit) };
}

/// The heap with number `id`, which exists.
#[inline]
pub(crate) fn heap_at(id: u32) -> &'static Heap {
    // SAFETY: heaps are initialised before their number gets about and are never unmapped.
    unsafe { &*HEAPS.at(id) }
}

/// Heaps that exist.
pub(crate) fn count() -> u32 {
    // ORDERING: Acquire: the heaps below the count are initialised; pairs with `pop_spare_or_new`.
    COUNT.load(Ordering::Acquire)
}

/// Calls `visit` with every heap.
pub(crate) fn for_each(mut visit: impl FnMut(&'static Heap)) {
    for id in 0..count() {
        visit(heap_at(id));
    }
}

impl Registry {
    fn pop_orphan(&mut self) -> Option<&'static Heap> {
        if self.orphans == NIL {
            return None;
        }
        let heap = heap_at(self.orphans);
        // ORDERING: Relaxed: guarded by the registry's lock.
        self.orphans = heap.next.load(Ordering::Relaxed);
        Some(heap)
    }

    fn pop_spare_or_new(&mut self) -> Option<&'static Heap> {
        if self.spares != NIL {
            let heap = heap_at(self.spares);
            // ORDERING: Relaxed: guarded by the registry's lock.
            self.spares = heap.next.load(Ordering::Relaxed);
            return Some(heap);
        }
        // ORDERING: Relaxed: changes only under the registry's lock, which is held.
        let id = COUNT.load(Ordering::Relaxed);
        if !HEAPS.grow(id + 1) {
            return None;
        }
        let heap = Heap {
            id,
            inner: Lock::new(Inner::new(id)),
            mailbox: Mailbox::new(),
            tops: AtomicPtr::new(core::ptr::null_mut()),
            next: AtomicU32::new(NIL),
            sent_blocks: AtomicUsize::new(0),
        };
        // SAFETY: the place is accessible, aligned, and nobody else's before `count` says so.
        unsafe { HEAPS.at(id).write(heap) };
        // ORDERING: Release: the heap is seen initialised; pairs with `count`.
        COUNT.store(id + 1, Ordering::Release);
        Some(heap_at(id))
    }
}

/// A heap for a thread: an orphan with what it holds, else an empty one.
pub(crate) fn adopt_for_thread() -> Option<&'static Heap> {
    let mut registry = REGISTRY.lock();
    registry.pop_orphan().or_else(|| registry.pop_spare_or_new())
}

/// An empty heap.
pub(crate) fn create() -> Option<&'static Heap> {
    REGISTRY.lock().pop_spare_or_new()
}

/// The heap's thread ends; its magazines are parked in it.
pub(crate) fn orphan(heap: &'static Heap) {
    let mut registry = REGISTRY.lock();
    if registry.orphans == NIL {
        registry.last_orphan = heap.id;
    }
    // ORDERING: Relaxed: guarded by the registry's lock.
    heap.next.store(registry.orphans, Ordering::Relaxed);
    registry.orphans = heap.id;
}

/// The heap has no pools any more.
pub(crate) fn destroy(heap: &'static Heap) {
    let mut registry = REGISTRY.lock();
    // ORDERING: Relaxed: guarded by the registry's lock.
    heap.next.store(registry.spares, Ordering::Relaxed);
    registry.spares = heap.id;
}

/// Lets `take_over` have each of a few orphans until it returns true. Waits for nobody: called under a heap's lock.
pub(super) fn try_orphans(mut take_over: impl FnMut(&'static Heap) -> bool) -> bool {
    /// Orphans looked at before giving up: enough to find what a burst of threads left, few enough to stay quick.
    const TRIES: u32 = 4;
    let mut tried = [NIL; TRIES as usize];
    let mut done = false;
    for slot in &mut tried {
        let Some(mut registry) = REGISTRY.try_lock() else { break };
        let Some(heap) = registry.pop_orphan() else { break };
        drop(registry);
        *slot = heap.id;
        done = take_over(heap);
        if done {
            break;
        }
    }
    // Those that had nothing go below the rest, so that the next try meets others.
    let mut registry = None;
    for &id in tried.iter().filter(|&&id| id != NIL) {
        let registry = registry.get_or_insert_with(|| REGISTRY.lock());
        registry.append_orphan(heap_at(id));
    }
    done
}

impl Registry {
    /// Puts `heap` behind all other orphans.
    fn append_orphan(&mut self, heap: &'static Heap) {
        // ORDERING: Relaxed: guarded by the registry's lock.
        heap.next.store(NIL, Ordering::Relaxed);
        if self.orphans == NIL {
            self.orphans = heap.id;
        } else {
            // ORDERING: Relaxed: guarded by the registry's lock.
            heap_at(self.last_orphan).next.store(heap.id, Ordering::Relaxed);
        }
        self.last_orphan = heap.id;
    }
}

/// Puts one block straight into its pool, under its owner's lock. The caller holds no heap's lock. `class` is what the
/// caller believes it to be.
///
/// # Safety
/// The block is free: nobody uses it any more.
pub(crate) unsafe fn free_into_owner(address: *mut u8, class: usize) {
    let Some(slice) = pool::slice_of(address) else {
        // SAFETY: the caller's.
        return unsafe { super::inner::free_foreign(address, class) };
    };
    loop {
        let word = pool::word_of(slice);
        if !word.is_pool_of(class) {
            super::inner::die_of(address, word, size_of(class));
        }
        let mut inner = heap_at(word.owner()).inner.lock();
        // Under the lock the owner is the owner (invariant 1 of the module above).
        if pool::word_of(slice).owner() == inner.id() {
            return inner.put(address, slice - word.offset(), class);
        }
    }
}

/// Takes all locks of this layer and the layers below, for a fork.
pub(crate) fn lock_all() {
    let mut locked = 0;
    loop {
        while locked < count() {
            heap_at(locked).inner.acquire();
            locked += 1;
        }
        REGISTRY.acquire();
        // A heap may have been made since; nobody can make one now.
        if count() == locked {
            break;
        }
        // SAFETY: taken just above.
        unsafe { REGISTRY.release() };
    }
    super::magazine::growth_lock().acquire();
    super::ARENAS.lock().acquire();
}

/// Gives back what [`lock_all`] took.
///
/// # Safety
/// This thread, or the one it was forked from, called `lock_all`.
pub(crate) unsafe fn release_all() {
    // SAFETY: the caller's; no heap was made since, as that needs the registry's lock.
    unsafe {
        super::ARENAS.lock().release();
        super::magazine::growth_lock().release();
        REGISTRY.release();
        for id in 0..count() {
            heap_at(id).inner.release();
        }
    }
}

/// In the child of a fork: the threads of all heaps but `mine` are gone. Makes these heaps orphans.
///
/// The magazines of those threads are lost, with the blocks in them. They changed while the fork copied page after page:
/// a block that a thread's memory shows in a magazine may be in use according to memory that was copied later, and a
/// magazine may have been exchanged without its top being set yet.
pub(crate) fn orphan_all_but(mine: u32) {
    for_each(|heap| {
        // ORDERING: Relaxed: the child has one thread.
        if heap.id != mine && !heap.tops.swap(core::ptr::null_mut(), Ordering::Relaxed).is_null() {
            orphan(heap);
        }
    });
}
