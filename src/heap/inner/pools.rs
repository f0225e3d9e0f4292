//! Pools of a heap, by class and fullness, and the runs of a first-class heap.

use super::Inner;
use crate::base::config::*;
use crate::base::size_class::{CLASSES, TABLE, size_of};
use crate::arena::Free;
use crate::heap::ARENAS;
use crate::heap::misuse::die_of_put;
use crate::heap::registry::{self, heap_at};
use crate::heap::residency;
use crate::os;
use crate::pool::{self, FreeLists, Pool, Taken, pool_at, run_at};
use crate::sync::NIL;

impl Inner {
    /// Takes the first blocks of `class` that a thread ever needs from the communal heap, if that is free at the moment: a
    /// thread that needs few then shares its OS pages with others of its kind, but no cache line. The first heap takes none: it
    /// is the main thread's, often the only one, which would have a page of its own and one to share of each class.
    ///
    /// # Safety
    /// `out` has room for `want` pointers.
    pub(super) unsafe fn borrow_blocks(&mut self, class: usize, out: *mut *mut u8, want: usize) -> usize {
        if !self.has_thread()
            || self.id == registry::FIRST
            || self.classes[class].refill != 0
            || want * size_of(class) > SHARED_BYTES
        {
            return 0;
        }
        match heap_at(registry::COMMUNAL).inner.try_lock() {
            Some(mut communal) => {
                communal.collect();
                // SAFETY: the caller's.
                let taken = unsafe { communal.take_blocks(class, out, want) };
                if size_of(class) < CACHE_LINE_BYTES && taken.never_used < taken.blocks {
                    // Another thread has the rest of the cache line that a block comes from which was used before.
                    for i in 0..taken.blocks {
                        // SAFETY: written by `take_blocks`.
                        let block = unsafe { *out.add(i) };
                        let slice = pool::slice_of(block).expect("a block of a pool");
                        communal.put_one(block, slice - pool::word_of(slice).offset(), class);
                    }
                    return 0;
                }
                taken.blocks
            }
            None => 0,
        }
    }

    /// Takes up to `want` blocks of `class` from the pools, fullest first, or from a new pool; writes them to `out`.
    ///
    /// # Safety
    /// `out` has room for `want` pointers.
    pub(crate) unsafe fn take_blocks(&mut self, class: usize, out: *mut *mut u8, want: usize) -> Taken {
        let mut taken = Taken::default();
        while taken.blocks < want {
            let Some(first) = self.classes[class].lists.iter().copied().find(|&first| first != NIL) else {
                // A part now is better than a new pool.
                if taken.blocks > 0 || !(self.take_over_pools(class) || self.new_pool(class)) {
                    break;
                }
                continue;
            };
            // SAFETY: the pool is in this heap's lists, whose lock is held.
            let pool = unsafe { pool_at(first) };
            // SAFETY: the caller's room.
            let more = unsafe { pool.take(out.wrapping_add(taken.blocks), want - taken.blocks) };
            taken.blocks += more.blocks;
            taken.never_used += more.never_used;
            self.relist(pool);
        }
        self.classes[class].taken += taken.blocks;
        taken
    }

    /// Puts `blocks`, of which the first lies in it, into the pool that starts at slice `first`, is this heap's and of the
    /// class of `lists`, up to one that lies elsewhere. Returns how many, which the caller counts as no longer taken.
    #[inline(always)]
    pub(super) fn put(&mut self, lists: &FreeLists, blocks: &[*mut u8], first: u32) -> usize {
        // SAFETY: the pool is this heap's, whose lock is held.
        let pool = unsafe { pool_at(first) };
        let put = lists.put(pool, first, blocks);
        if put == 0 {
            die_of_put(blocks[0], pool);
        }
        if pool.wants_look() {
            self.list_or_release(pool);
        }
        put
    }

    /// Lists `pool`, into which blocks were put, where it belongs, or releases it if none is in use and it is not the last
    /// that blocks can be taken from.
    #[cold]
    fn list_or_release(&mut self, pool: &mut Pool) {
        self.relist(pool);
        if pool.used() == 0 && (!self.is_only_listed(pool) || residency::is_uncached(pool.class())) {
            self.release(pool);
        }
    }

    /// Puts one block into the pool of `class` that starts at slice `first` and is this heap's.
    pub(crate) fn put_one(&mut self, block: *mut u8, first: u32, class: usize) {
        self.untrimmed_bytes += size_of(class);
        self.classes[class].taken -= self.put(&FreeLists::of(class), &[block], first);
    }

    /// Gives back the OS pages that are free in pools of uncached blocks, after many of these were put back: what grows takes
    /// the place of what shrank within pools, as it does between them (*swapped*). A block that merely comes and goes
    /// keeps its pages.
    fn trim(&mut self) {
        if self.untrimmed_bytes < LEAN_TRIM_BYTES || !residency::is_lean() {
            return;
        }
        self.untrimmed_bytes = 0;
        for class in (0..CLASSES).filter(|&class| residency::is_uncached(class)) {
            for mut next in self.classes[class].lists {
                while next != NIL {
                    // SAFETY: the pool is in this heap's lists, whose lock is held.
                    let pool = unsafe { pool_at(next) };
                    // SAFETY: the pages lie in this pool's memory, hold no block in use, and none is handed out under the lock.
                    pool.purge_pages(|address, bytes| unsafe { residency::purge(address, bytes) });
                    next = pool.next;
                }
            }
        }
    }

    /// Whether a further pool of `class` is sure to be filled soon.
    fn is_dense(&self, class: usize) -> bool {
        let here = &self.classes[class];
        let least = if residency::is_lean() { LEAN_DENSE_MIN_POOLS } else { DENSE_MIN_POOLS };
        let is_growing = self.exchanges.wrapping_sub(self.grown_at) <= GROWTH_EXCHANGES;
        // A block larger than an OS page may be used in part. If an earlier pool of the class is found to be resident as a
        // whole, its blocks are not.
        let is_filled = || {
            let [_, elder] = here.made;
            size_of(class) <= os::page_bytes() || residency::is_resident(elder, TABLE[class].slices.into())
        };
        here.pools >= least && is_growing && is_filled()
    }

    pub(super) fn new_pool(&mut self, class: usize) -> bool {
        let dense = self.is_dense(class);
        let slices: u32 = TABLE[class].slices.into();
        let wide = if self.classes[class].slices >= WIDE_FROM_SLICES && !residency::is_lean() {
            TABLE[class].wide_slices.into()
        } else {
            slices
        };
        let taken = [wide, slices].into_iter().find_map(|slices| Some((slices, ARENAS.take_pool(slices, dense)?)));
        let Some((slices, (first, clean))) = taken else { return false };
        if clean {
            self.trim();
        }
        if clean || dense {
            self.relieve_another();
        }
        let populate = clean && dense;
        // SAFETY: the slices were just taken.
        let pool = unsafe {
            pool::create(first, slices, class, self.id, clean && !populate);
            pool_at(first)
        };
        if populate {
            residency::populate(pool::address_of(first), pool.slices() as usize * SLICE_BYTES);
        }
        let [newest, _] = self.classes[class].made;
        self.classes[class].made = [first, newest];
        self.grown_at = self.exchanges;
        self.link_all(pool);
        self.relist(pool);
        true
    }

    /// Takes over the pools of `class` with free blocks that threads left when they ended.
    pub(super) fn take_over_pools(&mut self, class: usize) -> bool {
        // A heap without a thread takes over nothing: a first-class one is freed whole, and would take down blocks that
        // others have in such a pool.
        if !self.has_thread() {
            return false;
        }
        registry::try_orphans(|heap| {
            let Some(mut orphan) = heap.inner.try_lock() else { return false };
            orphan.retire_class(class);
            let mut moved = false;
            for list in 0..Pool::LISTS {
                while orphan.classes[class].lists[list] != NIL {
                    // SAFETY: the pool is the orphan's, whose lock is held.
                    let pool = unsafe { pool_at(orphan.classes[class].lists[list]) };
                    orphan.unlist(pool);
                    orphan.unlink_all(pool);
                    orphan.classes[class].taken -= pool.used() as usize;
                    pool::set_owner(pool, self.id);
                    self.link_all(pool);
                    self.relist(pool);
                    self.classes[class].taken += pool.used() as usize;
                    moved = true;
                }
            }
            moved
        })
    }

    /// Gives the slices of `pool`, in which no block is in use, back to the arenas: as clean where its OS pages were
    /// purged.
    pub(super) fn release(&mut self, pool: &mut Pool) {
        self.unlist(pool);
        self.unlink_all(pool);
        let (first, slices) = (pool.first(), pool.slices());
        pool::forget(first, slices);
        // Once the first slice is back, the descriptor is somebody else's.
        let purged = pool.purged_slices();
        let is_purged_at = |offset: u32| purged >> offset & 1 == 1;
        let mut start = 0;
        while start < slices {
            let is_purged = is_purged_at(start);
            let end = (start..slices).find(|&offset| is_purged_at(offset) != is_purged).unwrap_or(slices);
            ARENAS.put(first + start, end - start, if is_purged { Free::Clean } else { self.freed() });
            start = end;
        }
    }

    pub(super) fn is_only_listed(&self, pool: &Pool) -> bool {
        pool.previous == NIL
            && pool.next == NIL
            && self.classes[pool.class()].lists.iter().all(|&head| head == NIL || head == pool.first())
    }

    /// Restores invariant 2 of the module for `pool`.
    pub(super) fn relist(&mut self, pool: &mut Pool) {
        let wanted = pool.wanted_list();
        if pool.list() == wanted {
            return pool.looked();
        }
        self.unlist(pool);
        pool.set_list(wanted);
        pool.looked();
        if wanted != Pool::UNLISTED {
            let head = core::mem::replace(&mut self.classes[pool.class()].lists[wanted as usize], pool.first());
            (pool.previous, pool.next) = (NIL, head);
            if head != NIL {
                // SAFETY: another pool of this heap, whose lock is held.
                unsafe { pool_at(head) }.previous = pool.first();
            }
        }
    }

    pub(super) fn unlist(&mut self, pool: &mut Pool) {
        if pool.list() == Pool::UNLISTED {
            return;
        }
        if pool.previous == NIL {
            self.classes[pool.class()].lists[pool.list() as usize] = pool.next;
        } else {
            // SAFETY: another pool of this heap, whose lock is held.
            unsafe { pool_at(pool.previous) }.next = pool.next;
        }
        if pool.next != NIL {
            // SAFETY: as above.
            unsafe { pool_at(pool.next) }.previous = pool.previous;
        }
        (pool.previous, pool.next) = (NIL, NIL);
        pool.set_list(Pool::UNLISTED);
    }

    pub(super) fn link_all(&mut self, pool: &mut Pool) {
        (pool.all_previous, pool.all_next) = (NIL, self.pools);
        if self.pools != NIL {
            // SAFETY: another pool of this heap, whose lock is held.
            unsafe { pool_at(self.pools) }.all_previous = pool.first();
        }
        self.pools = pool.first();
        let here = &mut self.classes[pool.class()];
        here.pools += 1;
        here.slices += pool.slices();
    }

    pub(super) fn unlink_all(&mut self, pool: &mut Pool) {
        if pool.all_previous == NIL {
            self.pools = pool.all_next;
        } else {
            // SAFETY: another pool of this heap, whose lock is held.
            unsafe { pool_at(pool.all_previous) }.all_next = pool.all_next;
        }
        if pool.all_next != NIL {
            // SAFETY: as above.
            unsafe { pool_at(pool.all_next) }.all_previous = pool.all_previous;
        }
        let here = &mut self.classes[pool.class()];
        here.pools -= 1;
        here.slices -= pool.slices();
    }

    /// Counts a run of this first-class heap among those to free with it.
    pub(crate) fn link_run(&mut self, first: u32) {
        // SAFETY: the run is this heap's, whose lock is held; so is the one linked before it. No reference to a descriptor
        // is made, since a run's length changes without the lock.
        unsafe {
            let run = run_at(first);
            (*run).previous = NIL;
            (*run).next = self.runs;
            if self.runs != NIL {
                (*run_at(self.runs)).previous = first;
            }
        }
        self.runs = first;
    }

    /// The opposite of [`link_run`](Self::link_run).
    pub(crate) fn unlink_run(&mut self, first: u32) {
        // SAFETY: as for `link_run`.
        unsafe {
            let (previous, next) = ((*run_at(first)).previous, (*run_at(first)).next);
            if previous == NIL {
                self.runs = next;
            } else {
                (*run_at(previous)).next = next;
            }
            if next != NIL {
                (*run_at(next)).previous = previous;
            }
        }
    }
}
