//! Magazines: small arrays of ready blocks (Bonwick and Adams, *Magazines and Vmem*, USENIX 2001).
//!
//! A magazine is aligned to its own size. Its blocks lie above a slot that holds null, the *floor*, and below the *top*,
//! the slot for the next block that is freed. So both checks of the fast path are free: the slot before `top` is null if
//! and only if the magazine is empty, and `top` starts the next magazine if and only if it is full. The class sets the
//! floor: the fewer blocks a magazine may hold, the higher it lies; and who takes blocks from a thread's magazine from below
//! raises it ([`undercut`]). A top that points behind [`EMPTY`] is at once empty
//! and full: there is no magazine yet, and no check for that on the fast path.
//!
//! # Invariants
//! 1. A magazine is in one place: in a heap (as a top, or in a depot), in a mailbox, or on the stack of unused ones.
//! 2. [`EMPTY`] is never written to: its top is full.
//! 3. All slots from the class's floor to a raised one are null. Only a magazine that is a thread's top has a raised one.

use crate::base::config::*;
use crate::base::size_class::{CLASSES, TABLE};
use crate::os::{self, Region};
use crate::pool::{KINDS, kind_number};
use crate::sync::undercut::{self, Floor, Slot};
use crate::sync::{AtomicPtr, AtomicU64, IndexStack, Links, Lock, NIL, Ordering, next_of, with_next};
use core::ops::Range;

pub(crate) use crate::sync::undercut::{Top, peek, pop, push, set_top};

/// The slots of a magazine.
#[repr(C, align(1024))]
pub(crate) struct Magazine([Slot; MAGAZINE_SLOTS]);

const _: () = assert!(size_of::<Magazine>() == align_of::<Magazine>(), "the test for full relies on it");

/// No magazine: what tops point behind that have none.
pub(crate) static EMPTY: Magazine = Magazine([const { Slot::new(core::ptr::null_mut()) }; MAGAZINE_SLOTS]);

/// Blocks that stay in a magazine when others are taken from below: a thread that allocates one and frees it goes on as if
/// nothing had happened.
const LEFT_BLOCKS: usize = 2;

static MAGAZINES: Region<Magazine> = Region::new();
static LINKS: Region<AtomicU64> = Region::new();
static UNUSED: IndexStack = IndexStack::new();
static GROWTH: Lock<u32> = Lock::new(0);

/// How far behind the start of [`EMPTY`] the top of no magazine points.
#[allow(dead_code, reason = "for one kind of storage of the thread's cache")]
pub(crate) const EMPTY_BYTES: usize = size_of::<Magazine>();

/// The top of no magazine.
pub(crate) const fn no_magazine() -> Top {
    (&raw const EMPTY.0).cast::<Slot>().cast_mut().wrapping_add(MAGAZINE_SLOTS)
}

/// Whether no further block fits on `top`.
#[inline(always)]
pub(crate) fn is_full(top: Top) -> bool {
    (top as usize).is_multiple_of(size_of::<Magazine>())
}

/// For each class the top of its magazine. Written by one thread; who has the heap's lock may read, and raise floors.
///
/// They are indexed by the number of the kind of the class's pools. Kinds that are no pool's have no magazine ever, so that
/// whoever knows a block by its address alone need not ask what it is before it turns out that there is no room for it.
#[derive(Debug)]
pub(crate) struct Tops([AtomicPtr<Slot>; KINDS]);

impl Tops {
    /// No magazines.
    pub(crate) const fn new() -> Self {
        Self([const { AtomicPtr::new(no_magazine()) }; KINDS])
    }

    /// Where the top of `class` lies, as an address in a register.
    #[inline(always)]
    pub(crate) fn place(&self, class: usize) -> &AtomicPtr<Slot> {
        debug_assert!(class < CLASSES);
        // The rest of the way is a constant, which the instructions that use the address have room for.
        const REST: usize = kind_number(0);
        let place = in_register(self.0.as_ptr().wrapping_add(class)).wrapping_add(REST);
        // SAFETY: every class index is below `CLASSES`, so the kind's number is below `KINDS`.
        unsafe { &*place }
    }

    /// The place for the kind with number `kind`, of those that a slice may have.
    #[cfg(feature = "raw")]
    #[inline(always)]
    pub(crate) fn place_of_kind(&self, kind: usize) -> &AtomicPtr<Slot> {
        debug_assert!(kind < KINDS);
        // SAFETY: every kind's number is below `KINDS`.
        unsafe { &*in_register(self.0.as_ptr().wrapping_add(kind)) }
    }

    /// The top of `class`, with all blocks of its magazine from the class's floor on. The caller is the thread, or there is
    /// none, and holds the heap's lock.
    pub(crate) fn get(&self, class: usize) -> Top {
        let place = &self.0[kind_number(class)];
        // ORDERING: Relaxed: this thread's own.
        let top = place.load(Ordering::Relaxed);
        if top == no_magazine() {
            return top;
        }
        // SAFETY: the caller's: nobody else works on the magazine, and the class's floor is null.
        let compacted = unsafe { undercut::compact(emptied(class, top), top) };
        if compacted != top {
            set_top(place, compacted);
        }
        compacted
    }

    /// Replaces the top of `class`. The caller as for [`get`](Self::get).
    pub(crate) fn set(&self, class: usize, top: Top) {
        set_top(&self.0[kind_number(class)], top);
    }

    /// Takes the top of `class` away. The caller as for [`get`](Self::get).
    pub(crate) fn take(&self, class: usize) -> Top {
        let top = self.get(class);
        self.set(class, no_magazine());
        top
    }

    /// Moves all tops to `other`, which has none. The caller as for [`get`](Self::get).
    pub(crate) fn move_to(&self, other: &Self) {
        for class in 0..CLASSES {
            other.set(class, self.take(class));
        }
    }

    /// Blocks of `class` that are here, more or less while the thread works on them. The caller holds the heap's lock.
    pub(crate) fn blocks(&self, class: usize) -> usize {
        // ORDERING: Relaxed: a hint.
        let top = self.0[kind_number(class)].load(Ordering::Relaxed);
        if top == no_magazine() {
            return 0;
        }
        let mut lowest = emptied(class, top);
        // SAFETY: slots of the magazine, which stays where it is while the lock is held.
        while lowest < top && unsafe { peek(lowest.wrapping_add(1)) }.is_null() {
            lowest = lowest.wrapping_add(1);
        }
        // SAFETY: both point into the magazine.
        unsafe { top.offset_from_unsigned(lowest) }
    }

    /// Raises the floor of the magazine of `class` so that [`LEFT_BLOCKS`] stay above it. None if there are no more.
    ///
    /// # Safety
    /// The caller holds the lock of the heap whose thread's magazines these are until the floor is dropped.
    pub(super) unsafe fn raise_floor(&self, class: usize) -> Option<Floor<'_>> {
        let place = &self.0[kind_number(class)];
        // ORDERING: Relaxed: some top that the magazine had, which stays where it is while the lock is held.
        let top = place.load(Ordering::Relaxed);
        if top == no_magazine() || blocks_below(class, top) <= LEFT_BLOCKS {
            return None;
        }
        // SAFETY: the caller's, and the slot lies above the class's floor.
        unsafe { Floor::raise(place, top.wrapping_sub(LEFT_BLOCKS + 1)) }
    }
}

/// Hides from the compiler how an address was computed, so that what lies there is addressed by one register alone. A
/// processor that forwards a store to the next load of the same address in no time does so for such addresses only,
/// not for those with an index or a segment; and an allocation loads the top that the last free stored.
#[inline(always)]
#[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "nothing is hidden"))]
fn in_register<T>(mut place: *const T) -> *const T {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction is empty, so the address stays what it is.
    #[allow(clippy::pointers_in_nomem_asm_block, reason = "the block reads and writes no memory: it is empty")]
    unsafe {
        core::arch::asm!("/* {0} */", inout(reg) place, options(pure, nomem, nostack, preserves_flags));
    }
    place
}

/// Asks the processor for the cache line at `address`, to be written to. Nothing happens if there is no memory.
#[inline]
pub(crate) fn fetch(address: *mut u8) {
    // SAFETY: the instruction changes nothing that a program sees, and does not fault.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        core::arch::asm!("prefetchw [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        core::arch::asm!("prfm pstl1keep, [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}

/// The links of magazines: the low half is the next one, the high half holds the class and the number of blocks.
pub(crate) struct MagazineLinks;

impl Links for MagazineLinks {
    fn link(&self, index: u32) -> &AtomicU64 {
        // SAFETY: links grow with the magazines and stay accessible; they are only ever used as atomics.
        unsafe { &*LINKS.at(index) }
    }
}

/// What a magazine that is nobody's top holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label {
    pub(crate) class: usize,
    pub(crate) blocks: usize,
}

/// The number of the slot that a class's magazines have their floor in.
#[inline]
fn floor(class: usize) -> usize {
    MAGAZINE_SLOTS - 1 - TABLE[class].magazine as usize
}

/// Blocks between the floor of a magazine of `class` and `top`.
#[inline]
pub(crate) fn blocks_below(class: usize, top: Top) -> usize {
    let last = top as usize - size_of::<Slot>();
    last % size_of::<Magazine>() / size_of::<Slot>() - floor(class)
}

/// The top of an empty magazine `index` of `class`.
fn bottom(index: u32, class: usize) -> Top {
    slots(index).wrapping_add(floor(class) + 1)
}

fn slots(index: u32) -> Top {
    MAGAZINES.at(index).cast()
}

/// The magazine that `top` points into; not for the top of no magazine.
pub(crate) fn index_of(top: Top) -> u32 {
    debug_assert!(top != no_magazine());
    ((top as usize - size_of::<Slot>() - MAGAZINES.base() as usize) / size_of::<Magazine>()) as u32
}

/// Gives the magazines their place in reserved memory.
///
/// # Safety
/// As for [`Region::place`].
pub(crate) unsafe fn place(magazines: *mut u8, links: *mut u8, limit: u32) {
    // SAFETY: the caller's.
    unsafe {
        MAGAZINES.place(magazines, limit);
        LINKS.place(links, limit);
    }
}

/// Bytes of reserved memory that `limit` magazines and their links need.
pub(crate) fn region_bytes(limit: u32) -> (usize, usize) {
    (Region::<Magazine>::bytes(limit), Region::<AtomicU64>::bytes(limit))
}

/// Magazines that were never used are handed out in groups of so many, whose links share a cache line: a heap that
/// exchanges magazines writes to their links, and shall not take the line from another that does the same.
const GROUP: u32 = (CACHE_LINE_BYTES / size_of::<AtomicU64>()) as u32;

/// Empty magazines are passed from heap to heap in bundles of so many at most, so that threads seldom meet there. In a
/// bundle, each link leads to the next magazine.
pub(crate) const BUNDLE: u32 = 32;

/// Where the link of the first magazine of a bundle has the second one, plus one, while the stack links the bundles.
const SECOND_SHIFT: u32 = 32;

/// The first of a bundle of empty magazines that somebody put away, if there is one.
pub(crate) fn take_unused() -> Option<u32> {
    let first = UNUSED.pop(&MagazineLinks)?;
    let link = MagazineLinks.link(first);
    // ORDERING (both): Relaxed: a popped magazine and its link are this thread's.
    let second = (link.load(Ordering::Relaxed) >> SECOND_SHIFT) as u32;
    link.store(second.wrapping_sub(1).into(), Ordering::Relaxed);
    Some(first)
}

/// Puts the bundle of empty magazines that starts with `first` away.
pub(crate) fn put_away(first: u32) {
    let link = MagazineLinks.link(first);
    // ORDERING (both): Relaxed: published by the push.
    let second = next_of(link.load(Ordering::Relaxed));
    link.store(u64::from(second.wrapping_add(1)) << SECOND_SHIFT, Ordering::Relaxed);
    UNUSED.push(&MagazineLinks, first);
}

/// Makes the empty magazine `index`, which is the caller's, ready for `class`: its top, empty.
pub(crate) fn ready(index: u32, class: usize) -> Top {
    let top = bottom(index, class);
    // SAFETY: the magazine is the caller's (invariant 1) and the floor is one of its slots.
    unsafe { push(pop(top), core::ptr::null_mut()) }
}

/// The indices of magazines that were never used; none if there is no memory for more.
pub(crate) fn grow() -> Range<u32> {
    /// Magazines made accessible at a time.
    const STEP: u32 = 8 * GROUP;
    let mut used = GROWTH.lock();
    let first = *used;
    if first == MAGAZINES.ready() {
        let count = (first + STEP).min(MAGAZINES.limit());
        if !LINKS.grow(count) || !MAGAZINES.grow(count) {
            return first..first;
        }
    }
    *used = (first + GROUP).min(MAGAZINES.ready());
    first..*used
}

/// Turns the magazine of `class` with top `top` into an index that carries its label.
pub(crate) fn close(class: usize, top: Top) -> u32 {
    let index = index_of(top);
    let blocks = blocks_below(class, top);
    let label = (class as u64) << 32 | (blocks as u64) << 40;
    // ORDERING: Relaxed: published by whoever hands the index on.
    MagazineLinks.link(index).store(label, Ordering::Relaxed);
    index
}

/// The label of a closed magazine that the caller owns.
pub(crate) fn label(index: u32) -> Label {
    // ORDERING: Relaxed: made visible by whoever handed the index on.
    let link = MagazineLinks.link(index).load(Ordering::Relaxed);
    Label { class: (link >> 32 & 0xff) as usize, blocks: (link >> 40) as usize }
}

/// Turns a closed magazine that the caller owns into its top.
pub(crate) fn open(index: u32) -> Top {
    let Label { class, blocks } = label(index);
    // The floor was null when the magazine was filled and nobody wrote there since.
    bottom(index, class).wrapping_add(blocks)
}

/// The top of the magazine of `class` with top `top`, once its blocks are forgotten.
pub(crate) fn emptied(class: usize, top: Top) -> Top {
    top.wrapping_sub(blocks_below(class, top))
}

/// The blocks between the floor and `top`, bottom first.
///
/// # Safety
/// The caller owns the magazine of `class` with top `top` and does not change it while it uses the slice.
pub(crate) unsafe fn contents<'a>(class: usize, top: Top) -> &'a mut [*mut u8] {
    let blocks = blocks_below(class, top);
    // SAFETY: the slots between the floor and the top are exclusively the caller's; an atomic pointer is laid out as any.
    unsafe { core::slice::from_raw_parts_mut(top.wrapping_sub(blocks).cast(), blocks) }
}

/// Gives back the OS pages that hold unused magazines alone; returns the bytes. Who needs a magazine meanwhile gets one
/// that was never used. The caller keeps forks away.
pub(crate) fn purge_unused() -> usize {
    /// In a link: the magazine is in the list made here. No label and no number of a magazine is so large.
    const LISTED: u64 = 1 << 63;
    let mut list = NIL;
    while let Some(mut index) = take_unused() {
        while index != NIL {
            // ORDERING (here and below): Relaxed: magazines that were taken, and their links, are this thread's.
            let next = next_of(MagazineLinks.link(index).load(Ordering::Relaxed));
            MagazineLinks.link(index).store(with_next(LISTED, list), Ordering::Relaxed);
            (list, index) = (index, next);
        }
    }
    let page = os::page_bytes();
    let group = (page / size_of::<Magazine>()).max(1) as u32;
    let end = count() / group * group;
    let is_listed = |index| MagazineLinks.link(index).load(Ordering::Relaxed) & LISTED != 0;
    let mut purged = 0;
    let mut index = list;
    while index != NIL {
        if index.is_multiple_of(group) && index < end && (index..index + group).all(is_listed) {
            // SAFETY: whole OS pages of magazines that are this thread's, and empty.
            purged += if unsafe { os::purge(slots(index).cast(), page) } { page } else { 0 };
        }
        index = next_of(MagazineLinks.link(index).load(Ordering::Relaxed));
    }
    let (mut bundle, mut length) = (NIL, 0);
    while list != NIL {
        let next = next_of(MagazineLinks.link(list).load(Ordering::Relaxed));
        MagazineLinks.link(list).store(bundle.into(), Ordering::Relaxed);
        (bundle, length, list) = (list, length + 1, next);
        if length == BUNDLE || list == NIL {
            put_away(bundle);
            (bundle, length) = (NIL, 0);
        }
    }
    purged
}

/// Magazines that were ever used.
pub(crate) fn count() -> u32 {
    *GROWTH.lock()
}

/// For the fork handlers.
pub(crate) fn growth_lock() -> &'static Lock<u32> {
    &GROWTH
}
