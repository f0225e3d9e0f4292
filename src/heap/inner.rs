//! The inside of a heap: pools by class and fullness, and the depot of full magazines.

use super::magazine::{self, Label, MagazineLinks, Top, Tops, no_magazine};
use super::registry::{self, heap_at};
use super::{ARENAS, FALLBACK_BLOCKS};
use crate::base::config::*;
use crate::base::size_class::{CLASS_MAX_BYTES, CLASSES, TABLE, size_of};
use crate::os;
use crate::pool::{self, Kind, POOLS, Misuse, Pool, SliceWord, Taken, pool_at};
use crate::sync::{Links, NIL, Ordering, next_of, with_next};

/// See the module above. All of it is guarded by the heap's lock.
pub(crate) struct Inner {
    id: u32,
    classes: [ClassHeap; CLASSES],
    /// All pools, and all runs of a first-class heap.
    pools: u32,
    runs: u32,
    /// Empty magazines at hand.
    empties: u32,
    empties_count: u32,
    /// The magazines of an orphan, of a first-class heap or of the communal one.
    parked: Tops,
    /// Bytes given to pools or the depot that the purger was not told of yet.
    unreported_bytes: usize,
    /// A heap whose mailbox overflows.
    overfull: u32,
    /// Whether a magazine was exchanged since the purger last looked.
    active: bool,
    /// Whether what becomes free now was idle before, since the purger flushes it.
    idle: bool,
}

#[derive(Clone, Copy)]
struct ClassHeap {
    /// Pools from which blocks can be taken, the fullest first.
    lists: [u32; Pool::LISTS],
    /// The magazine that partly filled ones from the mailbox are merged into.
    partial: u32,
    /// Full magazines, and how many; the least there were since the purger last looked.
    depot: u32,
    depot_length: u16,
    depot_low: u16,
    /// Magazines the depot may hold: none until it shows that they would have been of use, then twice as many each time, so that a thread that frees and
    /// never allocates hoards nothing.
    depot_limit: u16,
    /// Whether the limit turned a magazine away since the depot was last found empty.
    turned_away: bool,
    /// Blocks to take at the next refill.
    refill: u8,
    pools: u32,
    /// Blocks taken from the pools: in use or cached.
    taken: usize,
}

/// What a heap has of one class.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ClassCounts {
    pub(crate) pools: usize,
    /// Blocks out of the pools, of which `cached` lie in magazines.
    pub(crate) taken: usize,
    pub(crate) cached: usize,
}

const EMPTIES_MAX: u32 = 8;

impl Inner {
    pub(crate) fn new(id: u32) -> Self {
        let class = ClassHeap {
            lists: [NIL; Pool::LISTS],
            partial: NIL,
            depot: NIL,
            depot_length: 0,
            depot_low: 0,
            depot_limit: 0,
            turned_away: false,
            refill: 0,
            pools: 0,
            taken: 0,
        };
        Self {
            id,
            classes: [class; CLASSES],
            pools: NIL,
            runs: NIL,
            empties: NIL,
            empties_count: 0,
            parked: Tops::new(),
            unreported_bytes: 0,
            overfull: NIL,
            active: true,
            idle: false,
        }
    }

    /// Whether a thread has this heap.
    pub(crate) fn has_thread(&self) -> bool {
        // ORDERING: Relaxed: written under this heap's lock, which is held.
        !heap_at(self.id).tops.load(Ordering::Relaxed).is_null()
    }

    pub(crate) fn parked(&self) -> &Tops {
        &self.parked
    }

    /// Bytes that the purger is to be told of, if they are many; then they count as told.
    pub(crate) fn take_report(&mut self) -> Option<usize> {
        (self.unreported_bytes >= REPORT_BYTES).then(|| core::mem::take(&mut self.unreported_bytes))
    }

    /// The bytes that the purger is to be told of when the heap's thread ends: all that were not told yet, and what is
    /// parked.
    pub(crate) fn take_last_report(&mut self) -> usize {
        let parked = (0..CLASSES).map(|class| self.parked.blocks(class) * size_of(class)).sum::<usize>();
        core::mem::take(&mut self.unreported_bytes) + parked
    }

    /// A heap whose mailbox was seen to overflow and should be collected by somebody who holds no lock.
    pub(crate) fn take_overfull(&mut self) -> Option<u32> {
        let heap = core::mem::replace(&mut self.overfull, NIL);
        (heap != NIL).then_some(heap)
    }

    /// Exchanges the empty magazine `top` of `class` (or none) for one with blocks: from the depot, from what others
    /// freed, from the pools. None if memory is short; then `top` still counts.
    pub(crate) fn fill(&mut self, class: usize, top: Top) -> Option<Top> {
        self.active = true;
        if let Some(full) = self.withdraw(class, top) {
            return Some(full);
        }
        let here = &mut self.classes[class];
        if here.turned_away {
            here.turned_away = false;
            here.depot_limit = (here.depot_limit * 2).clamp(1, TABLE[class].depot.into());
        }
        if !heap_at(self.id).mailbox.is_empty() {
            self.collect();
            if let Some(full) = self.withdraw(class, top) {
                return Some(full);
            }
        }
        let bottom = if top == no_magazine() { self.take_magazine(class)? } else { top };
        let capacity = TABLE[class].magazine as usize;
        let want = (self.classes[class].refill as usize).clamp(FIRST_REFILL_BLOCKS.min(capacity), capacity);
        // SAFETY: the magazine is empty, this heap's, and has room for `capacity` blocks above its floor.
        let taken = unsafe {
            match self.borrow_blocks(class, bottom, want) {
                0 => self.take_blocks(class, bottom, want).blocks,
                borrowed => borrowed,
            }
        };
        if taken == 0 {
            if top == no_magazine() {
                self.put_away(bottom);
            }
            return None;
        }
        self.classes[class].refill = (want * 2).min(capacity) as u8;
        let filled = bottom.wrapping_add(taken);
        // Low addresses go out first.
        // SAFETY: the magazine is this heap's.
        unsafe { magazine::contents(class, filled) }.reverse();
        Some(filled)
    }

    /// Exchanges the full magazine `top` of `class` (or none) for one with room. None if memory is short; then there is
    /// no magazine any more, and no block in it.
    pub(crate) fn make_room(&mut self, class: usize, top: Top) -> Option<Top> {
        self.active = true;
        if top == no_magazine() {
            return self.take_magazine(class);
        }
        if self.depot_has_room(class)
            && let Some(empty) = self.take_magazine(class)
        {
            self.deposit(class, magazine::close(class, top));
            return Some(empty);
        }
        self.flush(class, top)
    }

    /// Puts the blocks of the magazine `top` of `class` where they belong: its own into their pools, others into
    /// their owners' mailboxes. Returns it emptied, unless it had to be sent away itself.
    pub(crate) fn flush(&mut self, class: usize, top: Top) -> Option<Top> {
        // SAFETY: the magazine is this heap's.
        let blocks = unsafe { magazine::contents(class, top) };
        let floor = top.wrapping_sub(blocks.len());
        self.unreported_bytes += blocks.len() * size_of(class);
        let mut foreign = 0;
        for i in 0..blocks.len() {
            let block = blocks[i];
            let Some(slice) = pool::slice_of(block) else {
                // SAFETY: whoever put it into the magazine freed it.
                unsafe { free_foreign(block, class) };
                continue;
            };
            let word = pool::word_of(slice);
            if !word.is_pool_of(class) {
                die_of(block, word, size_of(class));
            }
            if word.owner() == self.id {
                self.put(block, slice - word.offset(), class);
            } else {
                blocks[foreign] = block;
                foreign += 1;
            }
        }
        if foreign == 0 {
            return Some(floor);
        }
        // ORDERING: Relaxed: a statistic.
        heap_at(self.id).sent_blocks.fetch_add(foreign, Ordering::Relaxed);
        self.send(class, floor, &mut blocks[..foreign])
    }

    /// Sends `blocks`, which lie in the magazine of `class` with floor `floor`, to their owners.
    fn send(&mut self, class: usize, floor: Top, mut blocks: &mut [*mut u8]) -> Option<Top> {
        let id = self.id;
        let owner_of = |block: *mut u8| pool::slice_of(block).map_or(id, |slice| pool::word_of(slice).owner());
        loop {
            let owner = owner_of(blocks[0]);
            let others = blocks.iter().filter(|&&block| owner_of(block) != owner).count();
            let packet = if others == 0 { None } else { magazine::take(class) };
            let Some(packet) = packet else {
                // The magazine itself is the packet. It may hold blocks of others: their owner passes them on.
                self.post(owner, magazine::close(class, floor.wrapping_add(blocks.len())));
                return self.take_magazine(class);
            };
            let mut packed = packet;
            let mut left = 0;
            for i in 0..blocks.len() {
                let block = blocks[i];
                if owner_of(block) == owner {
                    // SAFETY: the packet is this heap's and has room for as many blocks as the magazine they come from.
                    packed = unsafe { magazine::push(packed, block) };
                } else {
                    blocks[left] = block;
                    left += 1;
                }
            }
            self.post(owner, magazine::close(class, packed));
            blocks = &mut blocks[..left];
            if left == 0 {
                return Some(floor);
            }
        }
    }

    fn post(&mut self, owner: u32, index: u32) {
        if heap_at(owner).mailbox.send(&MagazineLinks, index) > MAILBOX_MAGAZINES {
            self.overfull = owner;
        }
    }

    /// Takes in what other threads freed.
    pub(crate) fn collect(&mut self) {
        for index in heap_at(self.id).mailbox.collect(&MagazineLinks) {
            let Label { class, blocks } = magazine::label(index);
            if blocks == TABLE[class].magazine as usize {
                self.take_in(class, index);
            } else {
                self.merge(class, magazine::open(index));
            }
        }
    }

    /// Puts a full magazine into the depot, or its blocks into the pools if the depot is full.
    fn take_in(&mut self, class: usize, index: u32) {
        if self.depot_has_room(class) {
            self.deposit(class, index);
        } else {
            self.flush_and_put_away(class, magazine::open(index));
        }
    }

    /// Adds the blocks of the magazine `top` to the partly filled one.
    fn merge(&mut self, class: usize, mut top: Top) {
        if self.classes[class].partial != NIL {
            let mut target = magazine::open(self.classes[class].partial);
            while !magazine::is_full(target) && magazine::blocks_below(class, top) > 0 {
                // SAFETY: both magazines are this heap's, and the target is not full.
                target = unsafe { magazine::push(target, magazine::peek(top)) };
                top = magazine::pop(top);
            }
            let index = magazine::close(class, target);
            if !magazine::is_full(target) {
                return self.put_away(top);
            }
            self.classes[class].partial = NIL;
            self.take_in(class, index);
        }
        if magazine::blocks_below(class, top) == 0 {
            self.put_away(top);
        } else {
            self.classes[class].partial = magazine::close(class, top);
        }
    }

    fn depot_has_room(&mut self, class: usize) -> bool {
        let here = &mut self.classes[class];
        let room = here.depot_length < here.depot_limit;
        here.turned_away |= !room;
        room
    }

    fn deposit(&mut self, class: usize, index: u32) {
        let here = &mut self.classes[class];
        let link = MagazineLinks.link(index);
        // ORDERING: Relaxed: the magazine is this heap's, and the heap's lock is held.
        link.store(with_next(link.load(Ordering::Relaxed), here.depot), Ordering::Relaxed);
        here.depot = index;
        here.depot_length += 1;
        self.unreported_bytes += magazine::label(index).blocks * size_of(class);
    }

    fn withdraw_first(&mut self, class: usize) -> u32 {
        let here = &mut self.classes[class];
        let index = here.depot;
        // ORDERING: Relaxed: as for `deposit`.
        here.depot = next_of(MagazineLinks.link(index).load(Ordering::Relaxed));
        here.depot_length -= 1;
        here.depot_low = here.depot_low.min(here.depot_length);
        index
    }

    /// Takes a magazine of `class` out of the depot, or the partly filled one, in exchange for the empty `top`.
    fn withdraw(&mut self, class: usize, top: Top) -> Option<Top> {
        let index = if self.classes[class].depot != NIL {
            self.withdraw_first(class)
        } else if self.classes[class].partial != NIL {
            core::mem::replace(&mut self.classes[class].partial, NIL)
        } else {
            return None;
        };
        let full = magazine::open(index);
        if top != no_magazine() {
            self.put_away(top);
        }
        Some(full)
    }

    fn take_magazine(&mut self, class: usize) -> Option<Top> {
        if self.empties == NIL {
            return magazine::take(class);
        }
        let index = self.empties;
        // ORDERING: Relaxed: as for `deposit`.
        self.empties = next_of(MagazineLinks.link(index).load(Ordering::Relaxed));
        self.empties_count -= 1;
        Some(magazine::ready(index, class))
    }

    fn put_away(&mut self, top: Top) {
        if self.empties_count >= EMPTIES_MAX {
            return magazine::put_away(top);
        }
        let index = magazine::index_of(top);
        // ORDERING: Relaxed: as for `deposit`.
        MagazineLinks.link(index).store(self.empties as u64, Ordering::Relaxed);
        self.empties = index;
        self.empties_count += 1;
    }

    /// Takes the first blocks of `class` that a thread ever needs from the communal heap, if that is free at the moment: a
    /// thread that needs few then shares its OS pages with others of its kind.
    ///
    /// # Safety
    /// `out` has room for `want` pointers.
    unsafe fn borrow_blocks(&mut self, class: usize, out: *mut *mut u8, want: usize) -> usize {
        if !self.has_thread() || self.classes[class].refill != 0 || want * size_of(class) > SHARED_BYTES {
            return 0;
        }
        match heap_at(registry::COMMUNAL).inner.try_lock() {
            Some(mut communal) => {
                communal.collect();
                // SAFETY: the caller's.
                unsafe { communal.take_blocks(class, out, want) }.blocks
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

    /// Puts the block at `address` into the pool of `class` that starts at slice `first` and is this heap's.
    #[inline]
    pub(crate) fn put(&mut self, address: *mut u8, first: u32, class: usize) {
        // SAFETY: the pool is this heap's, whose lock is held.
        let pool = unsafe { pool_at(first) };
        match pool.put(address) {
            Ok(()) => {}
            Err(Misuse::DoubleFree) => os::die(format_args!("double free of {address:p}")),
            Err(Misuse::NotABlock) => os::die(format_args!("free of {address:p}, which is not the start of a block")),
        }
        self.classes[class].taken -= 1;
        if pool.list != pool.wanted_list() {
            self.relist(pool);
        }
        if pool.used() == 0 && !self.is_only_listed(pool) {
            self.release(pool);
        }
    }

    fn new_pool(&mut self, class: usize) -> bool {
        let Some((first, clean)) = ARENAS.take_pool(TABLE[class].slices as u32) else { return false };
        // SAFETY: the slices were just taken.
        let pool = unsafe {
            pool::create(first, class, self.id, clean);
            pool_at(first)
        };
        self.link_all(pool);
        self.relist(pool);
        true
    }

    /// Takes over the pools of `class` with free blocks that threads left when they ended.
    fn take_over_pools(&mut self, class: usize) -> bool {
        // A heap without a thread takes over nothing: a first-class one is freed whole, and would take down blocks that
        // others have in such a pool.
        if !self.has_thread() {
            return false;
        }
        registry::try_orphans(|heap| {
            let Some(mut orphan) = heap.inner.try_lock() else { return false };
            orphan.retire_cache();
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

    /// Flushes everything cached: the mailbox, the depot and the parked magazines.
    pub(crate) fn retire_cache(&mut self) {
        self.collect();
        let parked = Tops::new();
        self.parked.move_to(&parked);
        self.flush_all(&parked);
        for class in 0..CLASSES {
            while let Some(top) = self.withdraw(class, no_magazine()) {
                self.flush_and_put_away(class, top);
            }
        }
        while self.empties != NIL {
            let top = self.take_magazine(0).expect("an empty magazine is at hand");
            magazine::put_away(top);
        }
    }

    /// Flushes all magazines of `tops`, which are this heap's or its thread's.
    pub(crate) fn flush_all(&mut self, tops: &Tops) {
        for class in 0..CLASSES {
            let top = tops.get(class);
            if top != no_magazine() {
                tops.set(class, no_magazine());
                self.flush_and_put_away(class, top);
            }
        }
    }

    fn flush_and_put_away(&mut self, class: usize, top: Top) {
        if let Some(empty) = self.flush(class, top) {
            self.put_away(empty);
        }
    }

    /// Flushes from each depot the magazines that nobody needed since the last call, and the partly filled one if nothing
    /// happened at all. Returns whether any is left.
    fn trim_depots(&mut self, was_active: bool) -> bool {
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

    /// Looks after what this heap caches on the purger's behalf: takes in its mail, and flushes what was not needed since
    /// the last look, which for a heap without a thread is everything if nothing happened. Returns whether another look
    /// is wanted.
    pub(crate) fn tend_cache(&mut self) -> bool {
        let was_active = core::mem::replace(&mut self.active, false);
        self.idle = true;
        self.collect();
        let again = if self.has_thread() || was_active {
            self.trim_depots(was_active) || was_active
        } else {
            self.retire_cache();
            false
        };
        self.idle = false;
        again
    }

    /// Looks after a pool of this heap on the purger's behalf: when nobody touched it since the last look (or `force`),
    /// it goes back to the arenas if no block is in use, else its free OS pages are purged. Returns the bytes purged and
    /// whether another look is wanted.
    pub(crate) fn tend(&mut self, first: u32, force: bool) -> (usize, bool) {
        // SAFETY: the caller read the slice's word under this heap's lock, which is held.
        let pool = unsafe { pool_at(first) };
        if pool.touched && !force {
            pool.touched = false;
            return (0, true);
        }
        if pool.used() == 0 {
            self.idle = true;
            self.release(pool);
            self.idle = false;
            return (0, false);
        }
        // SAFETY: the pages lie in this pool's memory, hold no block in use, and none is handed out under the lock.
        (pool.purge_pages(|address, bytes| unsafe { os::purge(address, bytes) }), false)
    }

    /// Gives all pools and runs back to the arenas, with whatever blocks are in them. Returns their bytes.
    pub(crate) fn destroy(&mut self) -> usize {
        let mut slices_freed = 0;
        for class in 0..CLASSES {
            let top = self.parked.get(class);
            if top != no_magazine() {
                self.parked.set(class, no_magazine());
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
            pool::forget(first, slices);
            ARENAS.put(first, slices, false);
        }
        for class in &mut self.classes {
            class.taken = 0;
        }
        slices_freed * SLICE_BYTES
    }

    /// Counts a run of this first-class heap among those to free with it.
    pub(crate) fn link_run(&mut self, first: u32) {
        // SAFETY: the run is this heap's, whose lock is held; so is the one linked before it. No reference to a descriptor
        // is made, since a run's length changes without the lock.
        unsafe {
            let run = POOLS.at(first);
            (*run).all_previous = NIL;
            (*run).all_next = self.runs;
            if self.runs != NIL {
                (*POOLS.at(self.runs)).all_previous = first;
            }
        }
        self.runs = first;
    }

    /// The opposite of [`link_run`](Self::link_run).
    pub(crate) fn unlink_run(&mut self, first: u32) {
        // SAFETY: as for `link_run`.
        unsafe {
            let (previous, next) = ((*POOLS.at(first)).all_previous, (*POOLS.at(first)).all_next);
            if previous == NIL {
                self.runs = next;
            } else {
                (*POOLS.at(previous)).all_next = next;
            }
            if next != NIL {
                (*POOLS.at(next)).all_previous = previous;
            }
        }
    }

    fn release(&mut self, pool: &mut Pool) {
        self.unlist(pool);
        self.unlink_all(pool);
        let (first, slices) = (pool.first(), pool.slices());
        pool.clear();
        pool::forget(first, slices);
        ARENAS.put(first, slices, self.idle);
    }

    fn is_only_listed(&self, pool: &Pool) -> bool {
        pool.previous == NIL
            && pool.next == NIL
            && self.classes[pool.class()].lists.iter().all(|&head| head == NIL || head == pool.first())
    }

    /// Restores invariant 2 of the module for `pool`.
    fn relist(&mut self, pool: &mut Pool) {
        let wanted = pool.wanted_list();
        if pool.list == wanted {
            return;
        }
        self.unlist(pool);
        pool.list = wanted;
        if wanted != Pool::UNLISTED {
            let head = core::mem::replace(&mut self.classes[pool.class()].lists[wanted as usize], pool.first());
            (pool.previous, pool.next) = (NIL, head);
            if head != NIL {
                // SAFETY: another pool of this heap, whose lock is held.
                unsafe { pool_at(head) }.previous = pool.first();
            }
        }
    }

    fn unlist(&mut self, pool: &mut Pool) {
        if pool.list == Pool::UNLISTED {
            return;
        }
        if pool.previous == NIL {
            self.classes[pool.class()].lists[pool.list as usize] = pool.next;
        } else {
            // SAFETY: another pool of this heap, whose lock is held.
            unsafe { pool_at(pool.previous) }.next = pool.next;
        }
        if pool.next != NIL {
            // SAFETY: as above.
            unsafe { pool_at(pool.next) }.previous = pool.previous;
        }
        (pool.previous, pool.next, pool.list) = (NIL, NIL, Pool::UNLISTED);
    }

    fn link_all(&mut self, pool: &mut Pool) {
        (pool.all_previous, pool.all_next) = (NIL, self.pools);
        if self.pools != NIL {
            // SAFETY: another pool of this heap, whose lock is held.
            unsafe { pool_at(self.pools) }.all_previous = pool.first();
        }
        self.pools = pool.first();
        self.classes[pool.class()].pools += 1;
    }

    fn unlink_all(&mut self, pool: &mut Pool) {
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
        self.classes[pool.class()].pools -= 1;
    }

    /// What this heap has of `class`, where `tops` are its thread's if it has one.
    pub(crate) fn counts(&self, class: usize, tops: Option<&Tops>) -> ClassCounts {
        let here = &self.classes[class];
        let mut cached = self.parked.blocks(class) + tops.map_or(0, |tops| tops.blocks(class));
        cached += here.depot_length as usize * TABLE[class].magazine as usize;
        if here.partial != NIL {
            cached += magazine::label(here.partial).blocks;
        }
        ClassCounts { pools: here.pools as usize, taken: here.taken, cached }
    }

    /// Panics unless the invariants of this heap and its pools hold.
    pub(crate) fn check(&self) {
        let mut taken = [0; CLASSES];
        let mut pools = [0; CLASSES];
        let mut listed = [0; CLASSES];
        let mut first = self.pools;
        while first != NIL {
            // SAFETY: the pool is this heap's, whose lock is held.
            let pool = unsafe { pool_at(first) };
            pool.check();
            assert_eq!(pool.list, pool.wanted_list(), "pool {first}: its list");
            for offset in 0..pool.slices() {
                let word = pool::word_of(first + offset);
                assert_eq!(word, SliceWord::pool(self.id, pool.class(), offset), "pool {first}: slice {offset}'s word");
            }
            taken[pool.class()] += pool.used() as usize;
            pools[pool.class()] += 1;
            listed[pool.class()] += (pool.list != Pool::UNLISTED) as u32;
            first = pool.all_next;
        }
        for class in 0..CLASSES {
            let here = &self.classes[class];
            assert_eq!(taken[class], here.taken, "class {class}: blocks taken");
            assert_eq!(pools[class], here.pools, "class {class}: pools");
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

/// Frees a block that is not in the reservation: one the system allocator helped out with, or misuse.
///
/// # Safety
/// The block is free: nobody uses it any more.
pub(crate) unsafe fn free_foreign(address: *mut u8, class: usize) {
    // ORDERING: Relaxed: whoever got such a block counted it before.
    let known = FALLBACK_BLOCKS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
    if known.is_err() {
        os::die(format_args!("free of {address:p} ({} bytes), which cenote never handed out", size_of(class)));
    }
    // SAFETY: while such blocks are about, a pointer outside the reservation is taken for one of them.
    unsafe { libc::free(address.cast()) };
}

/// Aborts over the free of `address` with a layout of up to `claimed` bytes, which lies in a slice described by `word` that
/// does not go with that.
#[cold]
pub(crate) fn die_of(address: *mut u8, word: SliceWord, claimed: usize) -> ! {
    match word.kind() {
        Kind::Free => os::die(format_args!("double free of {address:p}, or a pointer that cenote never handed out")),
        Kind::Pool(real) => os::die(format_args!(
            "free of {address:p} with a layout of up to {claimed} bytes, but its block has {} bytes",
            size_of(real)
        )),
        Kind::Run | Kind::RunTail if claimed > CLASS_MAX_BYTES => {
            os::die(format_args!("free of {address:p}, which is not the start of a block"))
        }
        Kind::Run | Kind::RunTail => os::die(format_args!(
            "free of {address:p} with a layout of up to {claimed} bytes, but it lies in a larger block"
        )),
    }
}
