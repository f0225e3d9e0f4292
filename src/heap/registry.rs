//! All heaps, by number, and who has them.
//!
//! States of a heap: *adopted* (a thread's, a first-class heap's, or the communal one's), *orphan* (its thread ended; the
//! next thread to start adopts it whole, with its magazines, or a thread that runs short takes pools over), *spare*
//! (a destroyed first-class heap: no pools). Heaps are never unmapped, so a number that a remote free read stays good.
//! The lists of orphans and spares are a [`Roster`].

use super::inner::Inner;
use super::magazine::Tops;
use super::stand_in::free_stand_in;
use crate::arena::Free;
use crate::base::size_class::size_of;
use crate::os::Region;
use crate::pool::{self, Kind};
use crate::sync::{AtomicPtr, AtomicU64, AtomicUsize, Links, Lock, Mailbox, NIL, Ordering, Roster};

static HEAPS: Region<Heap> = Region::new();
static ROSTER: Roster = Roster::new();

/// The heap of threads that have none: those that ended already but still run destructors.
pub(crate) const COMMUNAL: u32 = 0;
/// The heap that is made next: mostly the main thread's.
pub(crate) const FIRST: u32 = COMMUNAL + 1;

/// A heap. See the module above. No two share a cache line, nor a pair of lines that a processor fetches together.
#[repr(align(128))]
pub(crate) struct Heap {
    /// Its number.
    pub(crate) id: u32,
    /// Its pools and its depot.
    pub(crate) inner: Lock<Inner>,
    /// Magazines of blocks that other threads freed.
    pub(crate) mailbox: Mailbox,
    /// The tops of the thread that has it; null if none.
    pub(crate) tops: AtomicPtr<Tops>,
    /// The roster's link.
    link: AtomicU64,
    /// Blocks that this heap's owner sent to other heaps.
    pub(crate) sent_blocks: AtomicUsize,
}

// SAFETY: its plain parts are behind a lock; the rest is atomic.
unsafe impl Sync for Heap {}

struct HeapLinks;

impl Links for HeapLinks {
    fn link(&self, index: u32) -> &AtomicU64 {
        &heap_at(index).link
    }
}

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
    // SAFETY: heaps are never unmapped, and are initialised before their number gets about: by the roster or by a slice's
    // signpost, both of which publish what was done before.
    unsafe { &*HEAPS.at(id) }
}

/// Heaps there are, whoever has them.
pub(super) fn count() -> u32 {
    ROSTER.count()
}

/// Calls `visit` with every heap.
pub(crate) fn for_each(mut visit: impl FnMut(&'static Heap)) {
    for id in 0..count() {
        visit(heap_at(id));
    }
}

/// Makes heap `id`, on the roster's behalf. False if there is no memory.
fn make(id: u32) -> bool {
    if !HEAPS.grow(id + 1) {
        return false;
    }
    let heap = Heap {
        id,
        inner: Lock::new(Inner::new(id)),
        mailbox: Mailbox::new(),
        tops: AtomicPtr::new(core::ptr::null_mut()),
        link: AtomicU64::new(NIL as u64),
        sent_blocks: AtomicUsize::new(0),
    };
    // SAFETY: the place is accessible, aligned, and nobody else's before the roster counts it.
    unsafe { HEAPS.at(id).write(heap) };
    true
}

/// A heap for a thread: an orphan with what it holds, else an empty one.
pub(crate) fn adopt_for_thread() -> Option<&'static Heap> {
    ROSTER.adopt(&HeapLinks, make).map(heap_at)
}

/// An empty heap.
pub(crate) fn create() -> Option<&'static Heap> {
    ROSTER.create(&HeapLinks, make).map(heap_at)
}

/// The heap's thread ends; its magazines are parked in it.
pub(crate) fn orphan(heap: &'static Heap) {
    ROSTER.orphan(&HeapLinks, heap.id);
}

/// The heap has no pools any more.
pub(crate) fn destroy(heap: &'static Heap) {
    ROSTER.spare(&HeapLinks, heap.id);
}

/// Lets `take_over` have each of a few orphans until it returns true. Called under a heap's lock.
pub(super) fn try_orphans(mut take_over: impl FnMut(&'static Heap) -> bool) -> bool {
    ROSTER.try_orphans(&HeapLinks, |id| take_over(heap_at(id)))
}

/// Puts one block straight into its pool, under its owner's lock. The caller holds no heap's lock. `class` is what the
/// caller believes it to be.
///
/// # Safety
/// The block is free: nobody uses it any more.
pub(crate) unsafe fn free_into_owner(address: *mut u8, class: usize) {
    let Some(slice) = pool::slice_of(address) else {
        // SAFETY: the caller's.
        return unsafe { super::misuse::free_outside(address, size_of(class)) };
    };
    if pool::word_of(slice).kind() == Kind::Run {
        // SAFETY: the caller's.
        return unsafe { free_stand_in(address, slice, class, Free::Dirty) };
    }
    let (word, mut inner) = pool::lock_owner(slice, |word| {
        if !word.is_pool_of(class) {
            super::misuse::die_of(address, word, size_of(class));
        }
        &heap_at(word.owner()).inner
    });
    inner.put_one(address, slice - word.offset(), class);
}

/// Takes all locks of this layer and the layers below, for a fork.
pub(crate) fn lock_all() {
    ROSTER.acquire_all(|id| heap_at(id).inner.acquire());
    super::magazine::growth_lock().acquire();
    super::outside::list_lock().acquire();
    super::ARENAS.lock().acquire();
}

/// Gives back what [`lock_all`] took.
///
/// # Safety
/// This thread, or the one it was forked from, called `lock_all`.
pub(crate) unsafe fn release_all() {
    // SAFETY: the caller's.
    unsafe {
        super::ARENAS.lock().release();
        super::outside::list_lock().release();
        super::magazine::growth_lock().release();
        ROSTER.release_all(|id| heap_at(id).inner.release());
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
