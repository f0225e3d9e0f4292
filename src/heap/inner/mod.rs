//! The inside of a heap: pools by class and fullness, and the depot of full magazines.

mod care;
mod depot;
mod pools;

use super::magazine::{self, MagazineLinks, Top, Tops, no_magazine};
use super::misuse::free_outside;
use super::registry::heap_at;
use super::residency;
use super::stand_in::free_stand_in;
use crate::arena::Free;
use crate::base::config::*;
use crate::base::size_class::{CLASSES, Class, TABLE, blocks_in, size_of};
use crate::pool::{self, FreeLists, Pool, SliceWord, Taken};
use crate::sync::{NIL, Ordering};

/// See the module above. All of it is guarded by the heap's lock.
pub(crate) struct Inner {
    id: u32,
    classes: [ClassHeap; CLASSES],
    /// All pools, and all runs of a first-class heap.
    pools: u32,
    runs: u32,
    /// Empty magazines at hand, and how many at most; and a bundle besides (Bonwick and Adams's *loaded* and *previous*).
    empties: u32,
    empties_count: u32,
    spare_empties: u32,
    /// The magazines of an orphan, of a first-class heap or of the communal one.
    parked: Tops,
    /// Bytes given to pools or the depot that the purger was not told of yet.
    unreported_bytes: usize,
    /// Bytes of single blocks that were put back since the pools of such were last trimmed.
    untrimmed_bytes: usize,
    /// A heap whose mailbox overflows.
    overfull: u32,
    /// Magazines exchanged so far, and how many it were when the last pool was made.
    exchanges: u32,
    grown_at: u32,
    /// What the purger saw of that, and what heaps that grow did.
    purgers_looks: Looks,
    growers_looks: Looks,
    /// The heap that this one looked at when it last grew.
    relieved: u32,
    /// Bytes that went out of the thread's magazines since those were last undercut: a thread that only takes back what was
    /// taken from it keeps it.
    outflow_bytes: usize,
    /// Whether what becomes free now was idle before, since the purger flushes it.
    idle: bool,
}

/// How a heap's exchanges of magazines look to somebody who comes now and then.
#[derive(Default)]
struct Looks {
    /// Exchanges at the last look.
    exchanges: u32,
    /// Looks in a row at which there was none since the one before.
    quiet: u32,
}

impl Looks {
    /// Looks when there were so many `exchanges`. Returns the looks in a row, this one included, at which there was none since
    /// the one before.
    fn look(&mut self, exchanges: u32) -> u32 {
        let was_active = core::mem::replace(&mut self.exchanges, exchanges) != exchanges;
        self.quiet = if was_active { 0 } else { self.quiet.saturating_add(1) };
        self.quiet
    }
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
    /// Whether a block of this class was freed here before.
    met: bool,
    /// The pools made last, the newest first. They may be no more.
    made: [u32; 2],
    pools: u32,
    /// Slices of all its pools.
    slices: u32,
    /// Blocks taken from the pools: in use or cached.
    taken: usize,
}

/// What a heap has of one class.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ClassCounts {
    pub(crate) pools: usize,
    /// Slices and blocks of them.
    pub(crate) slices: usize,
    pub(crate) blocks: usize,
    /// Blocks out of the pools, of which `cached` lie in magazines.
    pub(crate) taken: usize,
    pub(crate) cached: usize,
}


impl ClassHeap {
    /// Blocks of all its pools, which are of two widths at most.
    fn blocks(&self, class: usize) -> usize {
        let Class { size, slices, wide_slices, .. } = TABLE[class];
        let (narrow, wide) = (u32::from(slices), u32::from(wide_slices));
        let wide_pools = (self.slices - self.pools * narrow).checked_div(wide - narrow).unwrap_or(0);
        let blocks = |pools: u32, slices| pools as usize * blocks_in(slices, size) as usize;
        blocks(self.pools - wide_pools, narrow) + blocks(wide_pools, wide)
    }
}

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
            met: false,
            made: [0; 2],
            pools: 0,
            slices: 0,
            taken: 0,
        };
        Self {
            id,
            classes: [class; CLASSES],
            pools: NIL,
            runs: NIL,
            empties: NIL,
            empties_count: 0,
            spare_empties: NIL,
            parked: Tops::new(),
            unreported_bytes: 0,
            untrimmed_bytes: 0,
            overfull: NIL,
            // As yet it counts as active.
            exchanges: 1,
            grown_at: 0,
            purgers_looks: Looks::default(),
            growers_looks: Looks::default(),
            relieved: id,
            outflow_bytes: REPORT_BYTES,
            idle: false,
        }
    }

    /// Whether a thread has this heap.
    pub(crate) fn has_thread(&self) -> bool {
        // ORDERING: Relaxed: written under this heap's lock, which is held.
        !heap_at(self.id).tops.load(Ordering::Relaxed).is_null()
    }

    /// The state of slices that become free now.
    fn freed(&self) -> Free {
        if self.idle { Free::Aged } else { Free::Dirty }
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
        self.exchanges = self.exchanges.wrapping_add(1);
        if let Some(full) = self.withdraw(class, top) {
            return Some(full);
        }
        let here = &mut self.classes[class];
        if here.turned_away {
            here.turned_away = false;
            let most = u16::from(TABLE[class].depot) / if residency::is_lean() { LEAN_DEPOT_PART } else { 1 };
            here.depot_limit = (here.depot_limit * 2).clamp(1, most.max(1));
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
            match self.borrow_blocks(class, bottom.cast(), want) {
                0 => self.take_blocks(class, bottom.cast(), want),
                blocks => Taken { blocks, never_used: 0 },
            }
        };
        if taken.blocks == 0 {
            if top == no_magazine() {
                self.put_away(bottom);
            }
            return None;
        }
        self.classes[class].refill = (want * 2).min(capacity) as u8;
        let filled = bottom.wrapping_add(taken.blocks);
        // SAFETY: the magazine is this heap's.
        let blocks = unsafe { magazine::contents(class, filled) };
        if self.is_worth_fetching(class, taken) {
            blocks.iter().for_each(|&block| magazine::fetch(block));
        }
        // Low addresses go out first.
        blocks.reverse();
        Some(filled)
    }

    /// Whether to have the blocks of `class` that were just `taken` in the cache pays: they are resident, as pools that are made
    /// after the first ones are, but far away, as the system cleared them a while ago; and they are small, or the processor sees
    /// by itself where their user goes on.
    fn is_worth_fetching(&self, class: usize, taken: Taken) -> bool {
        taken.never_used > 0 && size_of(class) <= FETCH_MAX_BYTES && self.classes[class].pools > DENSE_MIN_POOLS
    }

    /// Whether this is the first block of `class` that is freed here, and several of its size share a cache line. Then it
    /// was somebody else's, and to hand it out again here would make two threads share the line (*passive false sharing*:
    /// Berger and others, *Hoard*, ASPLOS 2000).
    pub(crate) fn is_first_of_line(&mut self, class: usize) -> bool {
        let here = &mut self.classes[class];
        !core::mem::replace(&mut here.met, true) && here.refill == 0 && size_of(class) < CACHE_LINE_BYTES
    }

    /// Exchanges the full magazine `top` of `class` (or none) for one with room. None if memory is short; then there is
    /// no magazine any more, and no block in it.
    pub(crate) fn make_room(&mut self, class: usize, top: Top) -> Option<Top> {
        self.exchanges = self.exchanges.wrapping_add(1);
        if top == no_magazine() {
            return self.take_magazine(class);
        }
        let blocks = TABLE[class].magazine as usize;
        self.outflow_bytes += blocks * size_of(class);
        if self.depot_has_room(class)
            && let Some(empty) = self.take_magazine(class)
        {
            self.deposit(class, magazine::close(class, top));
            return Some(empty);
        }
        if let Some(owner) = self.sampled_owner(class, top) {
            self.unreported_bytes += blocks * size_of(class);
            self.note_sent(blocks);
            return self.send_whole(class, top, owner);
        }
        self.flush(class, top)
    }

    /// The owner of the blocks of the magazine `top` of `class` if a sample of them are one other heap's. Then most are, and to look
    /// at each would be most of what it costs to send them. Who gets the few that are not passes them on in time.
    fn sampled_owner(&self, class: usize, top: Top) -> Option<u32> {
        /// One block in so many is looked at, and the last.
        const STRIDE: usize = 16;
        // SAFETY: the magazine is this heap's.
        let (last, others) = unsafe { magazine::contents(class, top) }.split_last()?;
        let owner_of = |block: &*mut u8| {
            let word = pool::word_of(pool::slice_of(*block)?);
            (word.is_pool_of(class) && word.owner() != self.id).then(|| word.owner())
        };
        let owner = owner_of(last)?;
        others.iter().step_by(STRIDE).all(|block| owner_of(block) == Some(owner)).then_some(owner)
    }

    /// Puts the blocks of the magazine `top` of `class` where they belong: its own into their pools, others into
    /// their owners' mailboxes. Returns it emptied, unless it had to be sent away itself.
    pub(crate) fn flush(&mut self, class: usize, top: Top) -> Option<Top> {
        // SAFETY: the magazine is this heap's.
        let blocks = unsafe { magazine::contents(class, top) };
        let floor = top.wrapping_sub(blocks.len());
        self.unreported_bytes += blocks.len() * size_of(class);
        let (lists, own) = (FreeLists::of(class), SliceWord::pool(self.id, class, 0));
        let (mut put, mut foreign) = (0, 0);
        // The owner of the first foreign block, and whether all of these are his.
        let (mut owner, mut is_one) = (self.id, true);
        let mut i = 0;
        while i < blocks.len() {
            let block = blocks[i];
            let Some(slice) = pool::slice_of(block) else {
                // SAFETY: whoever put it into the magazine freed it.
                unsafe { free_outside(block, size_of(class)) };
                i += 1;
                continue;
            };
            let word = pool::word_of(slice);
            if word.is_pool_like(own) {
                let more = self.put(&lists, &blocks[i..], slice - word.offset());
                put += more;
                i += more;
                continue;
            }
            if !word.is_pool_of(class) {
                // SAFETY: whoever put it into the magazine freed it.
                unsafe { free_stand_in(block, slice, class, self.freed()) };
                i += 1;
                continue;
            }
            if foreign == 0 {
                owner = word.owner();
            }
            is_one &= word.owner() == owner;
            blocks[foreign] = block;
            foreign += 1;
            i += 1;
        }
        self.classes[class].taken -= put;
        if foreign == 0 {
            return Some(floor);
        }
        self.note_sent(foreign);
        if is_one {
            return self.send_whole(class, floor.wrapping_add(foreign), owner);
        }
        self.send(class, floor, &mut blocks[..foreign])
    }

    /// Sends the magazine `top` of `class` to heap `owner`: it is itself the packet. Returns another, which is empty.
    fn send_whole(&mut self, class: usize, top: Top, owner: u32) -> Option<Top> {
        self.post(owner, magazine::close(class, top));
        self.take_magazine(class)
    }

    fn note_sent(&self, blocks: usize) {
        // ORDERING: Relaxed: a statistic.
        heap_at(self.id).sent_blocks.fetch_add(blocks, Ordering::Relaxed);
    }

    /// Sends `blocks`, which lie in the magazine of `class` with floor `floor`, to their owners.
    fn send(&mut self, class: usize, floor: Top, mut blocks: &mut [*mut u8]) -> Option<Top> {
        let id = self.id;
        let owner_of = |block: *mut u8| pool::slice_of(block).map_or(id, |slice| pool::word_of(slice).owner());
        while let [first, ..] = *blocks {
            let owner = owner_of(first);
            let Some(packet) = self.take_magazine(class) else {
                // It may hold blocks of others: their owner passes them on.
                return self.send_whole(class, floor.wrapping_add(blocks.len()), owner);
            };
            let mut packed = packet;
            let mut left = 0;
            for i in 0..blocks.len() {
                let block = blocks[i];
                let is_owners = owner_of(block) == owner;
                // Written to both places, one of which counts: a branch could not be predicted.
                // SAFETY: the packet is this heap's and has room for as many blocks as the magazine they come from.
                let with_block = unsafe { magazine::push(packed, block) };
                packed = if is_owners { with_block } else { packed };
                blocks[left] = block;
                left += usize::from(!is_owners);
            }
            self.post(owner, magazine::close(class, packed));
            blocks = &mut blocks[..left];
        }
        Some(floor)
    }

    fn post(&mut self, owner: u32, index: u32) {
        if heap_at(owner).mailbox.send(&MagazineLinks, index) > MAILBOX_MAGAZINES {
            self.overfull = owner;
        }
    }

}
