//! What is done to a heap from outside: the purger's care, destruction, counting, checking.

use super::{ClassCounts, Inner};
use crate::base::config::*;
use crate::base::size_class::{CLASSES, TABLE};
use crate::arena::Free;
use crate::heap::put_run_slices;
use crate::heap::magazine::{self, MagazineLinks, Top, Tops, no_magazine};
use crate::heap::registry::{self, heap_at};
use crate::heap::residency;
use crate::pool::{self, Pool, SliceWord, pool_at};
use crate::sync::{Links, NIL, Ordering, next_of, undercut};

impl Inner {
    /// Flushes everything cached: the mailbox, the depot and the parked magazines.
    pub(crate) fn retire_cache(&mut self) {
        self.collect();
        for class in 0..CLASSES {
            self.retire_class(class);
        }
        self.put_all_away();
    }

    /// Flushes the parked magazine of `class` and those in its depot.
    pub(super) fn retire_class(&mut self, class: usize) {
        let top = self.parked.take(class);
        if top != no_magazine() {
            self.flush_and_put_away(class, top);
        }
        self.empty_depot(class);
    }

    /// Flushes the magazines in the depot of `class`.
    fn empty_depot(&mut self, class: usize) {
        while let Some(top) = self.withdraw(class, no_magazine()) {
            self.flush_and_put_away(class, top);
        }
    }

    /// Flushes all magazines of `tops`, which are this heap's or its thread's.
    pub(crate) fn flush_all(&mut self, tops: &Tops) {
        for class in 0..CLASSES {
            let top = tops.take(class);
            if top != no_magazine() {
                self.flush_and_put_away(class, top);
            }
        }
    }

    pub(super) fn flush_and_put_away(&mut self, class: usize, top: Top) {
        if let Some(empty) = self.flush(class, top) {
            self.put_away(empty);
        }
    }

    /// Flushes from each depot the magazines that nobody needed since the last call, and the partly filled one if nothing
    /// happened at all. Returns whether any is left.
    pub(super) fn trim_depots(&mut self, was_active: bool) -> bool {
        let mut left = false;
        for class in 0..CLASSES {
            for _ in 0..self.classes[class].depot_low {
                let top = magazine::open(self.withdraw_first(class));
                self.flush_and_put_away(class, top);
            }
            if self.classes[class].depot_length == 0
                && !was_active
                && let Some(top) = self.withdraw(class, no_magazine())
            {
                self.flush_and_put_away(class, top);
            }
            let here = &mut self.classes[class];
            here.depot_limit -= here.depot_low;
            here.depot_low = here.depot_length;
            left |= here.depot_length > 0 || here.partial != NIL;
        }
        left
    }

    /// Takes from the magazines of this heap's thread, if it has one, all but a few blocks, without its help, and puts them
    /// where they belong. Returns whether there were any.
    pub(crate) fn undercut(&mut self) -> bool {
        // ORDERING: Relaxed: written under this heap's lock, which is held.
        let tops = heap_at(self.id).tops.load(Ordering::Relaxed);
        // SAFETY: a thread clears the pointer under that lock before its memory goes.
        let Some(tops) = (unsafe { tops.as_ref() }) else { return false };
        // SAFETY: the lock is held as long as `self` is borrowed.
        let mut floors: [_; CLASSES] = core::array::from_fn(|class| unsafe { tops.raise_floor(class) });
        if floors.iter().all(Option::is_none) {
            return false;
        }
        undercut::settle(&mut floors);
        let mut any = false;
        for (class, floor) in floors.into_iter().enumerate() {
            let Some(floor) = floor else { continue };
            let Some(mut top) = self.take_magazine(class) else {
                floor.lower();
                continue;
            };
            // SAFETY: the magazine is this heap's, and has room for what another of its class holds.
            floor.take(|block| top = unsafe { magazine::push(top, block) });
            // What the thread needs next may be little, again.
            self.classes[class].refill = FIRST_REFILL_BLOCKS.min(TABLE[class].magazine.into()) as u8;
            self.flush_and_put_away(class, top);
            any = true;
        }
        any
    }

    /// This heap grows. Sees to it that the next to grow finds memory that a sleeping heap keeps in its depots, so that many
    /// threads of which few are awake keep little. Looks at one other heap each time.
    pub(super) fn relieve_another(&mut self) {
        self.relieved = (self.relieved + 1) % registry::count();
        if self.relieved != self.id
            && let Some(mut other) = heap_at(self.relieved).inner.try_lock()
        {
            // Its thread sleeps, so this one tells the purger.
            self.unreported_bytes += other.relieve();
        }
    }

    /// Flushes the depots, if nobody exchanged a magazine for some time. Returns the bytes that the purger is to be told of.
    fn relieve(&mut self) -> usize {
        /// Looks in a row at which there was no exchange since the one before.
        const QUIET_LOOKS: u32 = 2;
        if self.growers_looks.look(self.exchanges) != QUIET_LOOKS {
            return 0;
        }
        (0..CLASSES).for_each(|class| self.empty_depot(class));
        core::mem::take(&mut self.unreported_bytes)
    }

    /// Looks after what this heap caches on the purger's behalf: takes in its mail, and flushes what was not needed since
    /// the last look, which for a heap without a thread is everything if nothing happened, and for one with a thread
    /// nearly everything if nothing happened for longer. Returns whether another look is wanted.
    pub(crate) fn tend_cache(&mut self) -> bool {
        /// Looks in a row at which no magazine was found exchanged before those of the thread are undercut.
        const QUIET_LOOKS: u32 = 2;
        let quiet_looks = self.purgers_looks.look(self.exchanges);
        let was_active = quiet_looks == 0;
        self.idle = true;
        self.collect();
        let mut again = if self.has_thread() || was_active {
            self.trim_depots(was_active) || was_active
        } else {
            self.retire_cache();
            false
        };
        if self.has_thread() && self.outflow_bytes >= REPORT_BYTES {
            if quiet_looks < QUIET_LOOKS {
                again = true;
            } else {
                self.outflow_bytes = 0;
                again |= self.undercut();
            }
        }
        self.idle = false;
        again
    }

    /// Looks after a pool of this heap on the purger's behalf: when nobody touched it since the last look (or `force`),
    /// it goes back to the arenas if no block is in use, else its free OS pages are purged. Returns the bytes purged and
    /// whether another look is wanted.
    pub(crate) fn tend(&mut self, first: u32, force: bool) -> (usize, bool) {
        // SAFETY: the caller read the slice's word under this heap's lock, which is held.
        let pool = unsafe { pool_at(first) };
        if !force && pool.take_touched() {
            return (0, true);
        }
        if pool.used() == 0 {
            self.idle = true;
            self.release(pool);
            self.idle = false;
            return (0, false);
        }
        // SAFETY: the pages lie in this pool's memory, hold no block in use, and none is handed out under the lock.
        (pool.purge_pages(|address, bytes| unsafe { residency::purge(address, bytes) }), false)
    }

    /// Gives all pools and runs back to the arenas, with whatever blocks are in them. Returns their bytes.
    pub(crate) fn destroy(&mut self) -> usize {
        let mut slices_freed = 0;
        for class in 0..CLASSES {
            let top = self.parked.take(class);
            if top != no_magazine() {
                self.put_away(magazine::emptied(class, top));
            }
            while let Some(top) = self.withdraw(class, no_magazine()) {
                self.put_away(magazine::emptied(class, top));
            }
        }
        while self.pools != NIL {
            // SAFETY: the pool is this heap's, whose lock is held.
            let pool = unsafe { pool_at(self.pools) };
            slices_freed += pool.slices() as usize;
            self.release(pool);
        }
        while self.runs != NIL {
            let first = self.runs;
            // SAFETY: the run is this heap's, whose lock is held, and nobody uses it any more.
            let slices = unsafe { pool::run_slices(first) };
            self.unlink_run(first);
            slices_freed += slices as usize;
            put_run_slices(first, slices, Free::Dirty);
        }
        for class in &mut self.classes {
            class.taken = 0;
        }
        slices_freed * SLICE_BYTES
    }

    /// What this heap has of `class`, where `tops` are its thread's if it has one.
    pub(crate) fn counts(&self, class: usize, tops: Option<&Tops>) -> ClassCounts {
        let here = &self.classes[class];
        let mut cached = self.parked.blocks(class) + tops.map_or(0, |tops| tops.blocks(class));
        cached += here.depot_length as usize * TABLE[class].magazine as usize;
        if here.partial != NIL {
            cached += magazine::label(here.partial).blocks;
        }
        ClassCounts { pools: here.pools as usize, slices: here.slices as usize, blocks: here.blocks(class), taken: here.taken, cached }
    }

    /// Panics unless the invariants of this heap and its pools hold.
    pub(crate) fn check(&self) {
        let mut taken = [0; CLASSES];
        let mut pools = [0; CLASSES];
        let mut blocks = [0; CLASSES];
        let mut listed = [0; CLASSES];
        let mut first = self.pools;
        while first != NIL {
            // SAFETY: the pool is this heap's, whose lock is held.
            let pool = unsafe { pool_at(first) };
            pool.check();
            assert_eq!(pool.list(), pool.wanted_list(), "pool {first}: its list");
            for offset in 0..pool.slices() {
                let word = pool::word_of(first + offset);
                assert_eq!(word, SliceWord::pool(self.id, pool.class(), offset), "pool {first}: slice {offset}'s word");
                assert_eq!(pool::kind_number_of(first + offset), word.kind_number(), "pool {first}: slice {offset}'s kind");
            }
            taken[pool.class()] += pool.used() as usize;
            pools[pool.class()] += 1;
            blocks[pool.class()] += pool.blocks() as usize;
            listed[pool.class()] += (pool.list() != Pool::UNLISTED) as u32;
            first = pool.all_next;
        }
        for class in 0..CLASSES {
            let here = &self.classes[class];
            assert_eq!(taken[class], here.taken, "class {class}: blocks taken");
            assert_eq!(pools[class], here.pools, "class {class}: pools");
            assert_eq!(blocks[class], here.blocks(class), "class {class}: blocks of the pools");
            for &head in &here.lists {
                let (mut first, mut previous) = (head, NIL);
                while first != NIL {
                    // SAFETY: as above.
                    let pool = unsafe { pool_at(first) };
                    assert_eq!(pool.previous, previous, "pool {first}: the list's back link");
                    listed[class] -= 1;
                    (previous, first) = (first, pool.next);
                }
            }
            assert_eq!(listed[class], 0, "class {class}: listed pools");
            let mut magazines = 0;
            let mut index = here.depot;
            while index != NIL {
                let label = magazine::label(index);
                assert_eq!(label.class, class, "a depot's magazine is of its class");
                assert_eq!(label.blocks, TABLE[class].magazine as usize, "a depot's magazine is full");
                magazines += 1;
                // ORDERING: Relaxed: as for `deposit`.
                index = next_of(MagazineLinks.link(index).load(Ordering::Relaxed));
            }
            assert_eq!(magazines, here.depot_length, "class {class}: the depot's length");
            assert!(here.depot_length <= here.depot_limit, "class {class}: the depot's limit");
            assert!(here.depot_low <= here.depot_length, "class {class}: the depot's low-water mark");
        }
    }
}
