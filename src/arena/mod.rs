//! Arenas: where pools and runs get their slices, and where free slices wait to be used again or purged.
//!
//! The reservation is a row of arenas of [`ARENA_SLICES`] slices each; a slice is named by its index in the reservation.
//! A slice is in one of four states, told by the bits of its arena's record:
//!
//! | state | `free` | `clean` | `aged` |
//! |---|---|---|---|
//! | in use, or being purged | 0 | 0 | 0 |
//! | dirty: was used, still backed by memory | 1 | 0 | 0 |
//! | aged: dirty since before the last purge pass | 1 | 0 | 1 |
//! | clean: reads as zero, not backed | 1 | 1 | 0 |
//!
//! One lock guards it all: a pool or a run is taken or put back once for many blocks. A purge takes its slices out
//! under the lock, works on them without it, and puts them back clean, so nobody is handed memory that is being purged.
//!
//! # Invariants (under the lock)
//! 1. `clean` and `aged` are subsets of `free` and disjoint.
//! 2. An arena below `grown` with `0 < n < ARENA_SLICES` free slices is in list `n` of `partial`, and in no other;
//!    a wholly free one has its bit in the bitmap of empty arenas; a full one is in neither.
//! 3. `dirty_slices` counts the bits of `free & !clean` over all records, `used_slices` those not in `free`.
//! 4. No word of the bitmap of empty arenas before `first_empty_word` has a bit set.

use crate::base::bits::{find_run, mask};
use crate::base::config::*;
use crate::sync::{Guard, Lock, NIL};

const FULL: u16 = u16::MAX;

/// Empty arenas that are looked at for one that is backed.
const PROBES: usize = 64;

/// What the arenas stand on: their records, their memory, and the means to get and give it back.
///
/// # Safety
/// `record` and `empty_word` return valid, distinct, zero-initialised places for every index below what `commit` has
/// granted; `commit` and `purge` do as they say.
pub unsafe trait Backing {
    /// The record of `arena`.
    fn record(&self, arena: u32) -> *mut Record;
    /// Word `index` of the bitmap of empty arenas.
    fn empty_word(&self, index: u32) -> *mut u64;
    /// Makes the first `arenas` arenas and their records usable; new memory reads as zero. False if that cannot be.
    fn commit(&self, arenas: u32) -> bool;
    /// Arenas there can ever be.
    fn limit(&self) -> u32;
    /// Gives `count` slices from `first` back to the system, so that they read as zero. False if that cannot be.
    fn purge(&self, first: u32, count: u32) -> bool;
    /// Asks for huge pages for the [`HUGE_ARENAS`] arenas from `arena` on, of which nothing is backed. A hint.
    fn ask_huge(&self, arena: u32);
    /// How many there are that fill arenas side by side: at least one.
    fn owners(&self) -> u32;
    /// Purges are made of aligned groups of this many slices: an OS page may be larger than a slice.
    fn purge_unit(&self) -> u32;
}

/// What is known of an arena.
#[derive(Debug)]
#[repr(C)]
pub struct Record {
    free: u16,
    clean: u16,
    aged: u16,
    previous: u32,
    next: u32,
}

/// All arenas. See the module.
pub struct Arenas<B> {
    inner: Lock<Inner>,
    backing: B,
}

#[derive(Debug)]
struct Inner {
    grown: u32,
    first_empty_word: u32,
    dirty_slices: usize,
    used_slices: usize,
    huge_from_slices: usize,
    /// Dirty slices above this are purged when clean ones are taken.
    swap_above_slices: usize,
    /// Clean slices that were taken while there were no dirty ones to purge for them.
    owed_slices: usize,
    /// The first arena of the chunk that asked for huge pages last; `NIL` if free slices of it were purged since.
    chunk: u32,
    /// The first slice and the length of what was freed last, the newest first; whatever is there now.
    recent: [(u32, u32); RECENT_PLACES],
    purged_slices: usize,
    purges: u64,
    /// Heads of the lists of arenas by number of free slices; the first and the last stay unused.
    partial: [u32; ARENA_SLICES as usize + 1],
}

/// A number of slices, each class of which the statistics name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Arenas whose memory is accessible.
    pub arenas: u32,
    /// Slices in use.
    pub used_slices: usize,
    /// Free slices still backed by memory.
    pub dirty_slices: usize,
    /// Slices purged so far.
    pub purged_slices: usize,
    /// Calls made to purge them.
    pub purges: u64,
}

/// The state of a free slice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Free {
    /// Backed by memory.
    Dirty,
    /// Backed, and idle before it became free.
    Aged,
    /// Not backed.
    Clean,
}

/// How much of a run will be used, as far as its taker knows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Filling {
    /// All or most of it, and soon.
    Dense,
    /// Nobody knows.
    Unknown,
    /// Some of it, here and there; and what is not used is to read as zero.
    Sparse,
}

/// Slices that were taken out to be purged, and how many of them are dirty.
struct Claim {
    first: u32,
    count: u32,
    dirty: usize,
}

/// One bit for each slice of the longest run: set where it was clean.
pub type CleanMask = [u64; RUN_MAX_SLICES as usize / 64];

struct Held<'a, B> {
    inner: Guard<'a, Inner>,
    backing: &'a B,
}

impl<B: Backing> Arenas<B> {
    /// No arenas yet.
    #[cfg(not(cenote_loom))]
    pub const fn new(backing: B) -> Self {
        Self { inner: Lock::new(Inner::new()), backing }
    }

    /// No arenas yet.
    #[cfg(cenote_loom)]
    pub fn new(backing: B) -> Self {
        Self { inner: Lock::new(Inner::new()), backing }
    }

    fn hold(&self) -> Held<'_, B> {
        Held { inner: self.inner.lock(), backing: &self.backing }
    }

    /// Takes `count` slices for a pool, at a multiple of `count` (a power of two): backed ones first, then from the fullest arena.
    /// Tells the first and whether all of them are clean. A pool that is `dense` will soon be full of blocks.
    pub fn take_pool(&self, count: u32, dense: bool) -> Option<(u32, bool)> {
        debug_assert!(count.is_power_of_two() && count <= ARENA_SLICES);
        let mut held = self.hold();
        let (arena, start) = held.find_in_arena(count, count, dense)?;
        let clean = held.take(arena, mask(start, count));
        held.swap(clean.count_ones());
        Some((arena * ARENA_SLICES + start, clean == mask(start, count)))
    }

    /// Takes `count` slices for a run, at a multiple of `align` slices, and tells in `clean` which of them are. The `room`
    /// slices that follow are free too, if that can be had, so that the run can grow into them.
    pub fn take_run(
        &self,
        count: u32,
        align: u32,
        room: u32,
        filling: Filling,
        clean: Option<&mut CleanMask>,
    ) -> Option<u32> {
        debug_assert!((1..=RUN_MAX_SLICES).contains(&count) && align.is_power_of_two());
        let mut held = self.hold();
        let (arena, start) = held.find_for_run(count, align, room, filling)?;
        let first = arena * ARENA_SLICES + start;
        if room > 0 || filling == Filling::Dense {
            held.ask_huge_within(first, count);
        }
        held.take_range(first, count, clean);
        Some(first)
    }

    /// Takes `count` slices that are backed, for a run that grows, if there are such with `room` free ones behind them: at a multiple
    /// of the whole.
    pub fn take_roomy(&self, count: u32, room: u32) -> Option<u32> {
        debug_assert!(count <= ARENA_SLICES && (count + room).is_multiple_of(ARENA_SLICES));
        let mut held = self.hold();
        let whole = (count + room) / ARENA_SLICES;
        let first = held.find_room(1, whole, whole)? * ARENA_SLICES;
        held.take_range(first, count, None);
        Some(first)
    }

    /// Takes the `count` slices from `first` on if all of them are free: a run grows where it is, and is about to be filled.
    pub fn take_at(&self, first: u32, count: u32) -> bool {
        let mut held = self.hold();
        let end = first + count;
        while held.inner.grown < end.div_ceil(ARENA_SLICES) {
            // Only a run at the very end grows into memory that was never used.
            if first > held.inner.grown * ARENA_SLICES || !held.grow(end.div_ceil(ARENA_SLICES) - held.inner.grown) {
                return false;
            }
        }
        let free = held.parts(first, count).all(|(arena, bits)| held.record(arena).free & bits == bits);
        if free {
            held.ask_huge_within(first, count);
            held.take_range(first, count, None);
        }
        free
    }

    /// Puts `count` slices back from `first` on, which are in this `state`.
    pub fn put(&self, first: u32, count: u32, state: Free) {
        let mut held = self.hold();
        for (arena, bits) in held.parts(first, count) {
            held.put(arena, bits, state);
        }
        if count >= RECENT_MIN_SLICES && state == Free::Dirty {
            held.note_recent(first, count);
        }
        held.swap(0);
    }

    /// Purges the highest run of free slices below slice `below`, unless at most `keep` dirty ones would be left, and
    /// moves `below` to its start. Unless `all`, only slices that were free when [`age`](Self::age) was last called
    /// count. Returns the slices purged, `None` if there was no such run.
    pub fn purge_run(&self, below: &mut u32, keep: usize, all: bool) -> Option<usize> {
        let claim = self.hold().claim(below, keep, all)?;
        let done = self.backing.purge(claim.first, claim.count);
        self.hold().put_purged(&claim, done);
        Some(if done { claim.dirty } else { 0 })
    }

    /// What is dirty now is aged from now on.
    pub fn age(&self) {
        self.hold().age();
    }

    /// Asks for huge pages from `bytes` in use on: for each owner, where these share them; one alone needs less.
    pub fn set_huge_from(&self, bytes: usize) {
        self.inner.lock().huge_from_slices = bytes / SLICE_BYTES;
    }

    /// From now on, when clean slices are taken while dirty ones of more than `bytes` bytes are free, as many of these are
    /// purged: memory that grows has no need of them.
    pub fn set_swap_above(&self, bytes: usize) {
        self.inner.lock().swap_above_slices = bytes / SLICE_BYTES;
    }

    /// What is held now.
    pub fn counts(&self) -> Counts {
        let inner = self.inner.lock();
        Counts {
            arenas: inner.grown,
            used_slices: inner.used_slices,
            dirty_slices: inner.dirty_slices,
            purged_slices: inner.purged_slices,
            purges: inner.purges,
        }
    }

    /// Panics unless the invariants hold.
    pub fn check(&self) {
        self.hold().check();
    }

    /// For the fork handlers.
    pub fn lock(&self) -> &Lock<impl Sized> {
        &self.inner
    }
}

impl Inner {
    const fn new() -> Self {
        Self {
            grown: 0,
            first_empty_word: 0,
            dirty_slices: 0,
            used_slices: 0,
            huge_from_slices: usize::MAX,
            swap_above_slices: usize::MAX,
            owed_slices: 0,
            chunk: NIL,
            recent: [(0, 0); RECENT_PLACES],
            purged_slices: 0,
            purges: 0,
            partial: [NIL; ARENA_SLICES as usize + 1],
        }
    }
}

impl<B: Backing> Held<'_, B> {
    #[allow(clippy::mut_from_ref)]
    fn record(&self, arena: u32) -> &mut Record {
        debug_assert!(arena < self.inner.grown);
        // SAFETY: below `grown` records are valid by `Backing`; the lock is held and no two borrows of one record overlap
        // in this module's functions.
        unsafe { &mut *self.backing.record(arena) }
    }

    #[allow(clippy::mut_from_ref)]
    fn empty_word(&self, index: u32) -> &mut u64 {
        // SAFETY: as for `record`.
        unsafe { &mut *self.backing.empty_word(index) }
    }

    /// The arenas that `count` slices from `first` on touch, each with the bits of the slices in it.
    fn parts(&self, first: u32, count: u32) -> impl Iterator<Item = (u32, u16)> + use<B> {
        let end = first + count;
        let mut at = first;
        core::iter::from_fn(move || {
            if at == end {
                return None;
            }
            let (arena, start) = (at / ARENA_SLICES, at % ARENA_SLICES);
            let here = (ARENA_SLICES - start).min(end - at);
            at += here;
            Some((arena, mask(start, here)))
        })
    }

    /// Where a run fits. See [`take_run`](Arenas::take_run).
    fn find_for_run(&mut self, count: u32, align: u32, room: u32, filling: Filling) -> Option<(u32, u32)> {
        let dense = filling == Filling::Dense;
        let arenas = count.div_ceil(ARENA_SLICES);
        let align_arenas = align.div_ceil(ARENA_SLICES);
        let fits_in_arena = arenas == 1 && align_arenas == 1;
        // Aligned to their length, so that what comes next does not start in the room of what came before.
        let whole = (count + room).div_ceil(ARENA_SLICES);
        let align_whole = align_arenas.max(whole.next_power_of_two());
        // To copy a run costs less than the page faults of one that is not backed, so that comes before room.
        let best = if room > 0 {
            self.find_room(arenas, whole, align_whole).map(|arena| (arena, 0))
        } else if filling == Filling::Sparse {
            // What is backed would have to be cleared, and is of more use to others.
            self.find_empties(arenas, align_arenas, PROBES, |_, record| record.clean == FULL).map(|arena| (arena, 0))
        } else {
            let hole = || (dense && !fits_in_arena).then(|| self.find_hole(count, align_arenas)).flatten();
            let place = self.find_recent(count, align).or_else(hole);
            place.map(|first| (first / ARENA_SLICES, first % ARENA_SLICES))
        };
        if best.is_some() {
            return best;
        }
        if fits_in_arena && let Some(place) = self.find_in_partial(count, align, true) {
            return Some(place);
        }
        if room > 0
            && count >= ROOMY_MIN_SLICES
            && let Some(arena) = self.beside_chunk(|held| held.find_arenas(whole, align_whole))
        {
            return Some((arena, 0));
        }
        if fits_in_arena {
            return self.find_in_arena(count, align, dense);
        }
        let arena = if !dense {
            self.beside_chunk(|held| held.find_arenas(arenas, align_arenas))
        } else if align_arenas == 1 {
            self.find_in_chunks(arenas)
        } else {
            None
        };
        // What is long has chunks of its own.
        let align_long = if dense && count >= HUGE_SLICES { align_arenas.max(HUGE_ARENAS) } else { align_arenas };
        Some((arena.or_else(|| self.find_arenas(arenas, align_long))?, 0))
    }

    /// The first of `whole` consecutive empty arenas at a multiple of `align` arenas, of which the first `backed` are backed: where
    /// the processor's cache may still have them, else the lowest.
    fn find_room(&self, backed: u32, whole: u32, align: u32) -> Option<u32> {
        if self.inner.dirty_slices < (backed * ARENA_SLICES) as usize {
            return None;
        }
        let fits = |&&(first, length): &&(u32, u32)| {
            length >= ARENA_SLICES
                && first.is_multiple_of(align * ARENA_SLICES)
                && self.empties_from(first / ARENA_SLICES, whole) == whole
                && self.is_free_and_backed(first, backed * ARENA_SLICES)
        };
        let recent = self.inner.recent.iter().find(fits).map(|(first, _)| first / ARENA_SLICES);
        let is_backed = |offset, record: &Record| offset >= backed || record.clean == 0;
        recent.or_else(|| self.find_empties(whole, align, PROBES, is_backed))
    }

    /// Where `count` slices were freed lately, at a multiple of `align`, all of them backed.
    fn find_recent(&self, count: u32, align: u32) -> Option<u32> {
        let fits = |&&(first, length): &&(u32, u32)| {
            length == count && first.is_multiple_of(align) && self.is_free_and_backed(first, count)
        };
        self.inner.recent.iter().find(fits).map(|&(first, _)| first)
    }

    /// The start of the smallest hole whose first `count` slices are backed, among the first holes: each starts with an empty arena,
    /// here at a multiple of `align` arenas, and ends anywhere.
    fn find_hole(&self, count: u32, align: u32) -> Option<u32> {
        if self.inner.dirty_slices < count as usize {
            return None;
        }
        let (mut best, mut least) = (None, u32::MAX);
        let mut start = self.inner.first_empty_word * 64;
        for _ in 0..PROBES {
            let Some(empty) = self.next_empty(start) else { break };
            let end = empty + self.empties_from(empty, RUN_MAX_SLICES / ARENA_SLICES);
            let rest = if end < self.inner.grown { self.record(end).free.trailing_ones() } else { 0 };
            let first = empty.next_multiple_of(align) * ARENA_SLICES;
            let length = (end * ARENA_SLICES + rest).saturating_sub(first);
            if (count..least).contains(&length) && self.is_free_and_backed(first, count) {
                (best, least) = (Some(first), length);
            }
            start = end + 1;
        }
        best
    }

    fn is_free_and_backed(&self, first: u32, count: u32) -> bool {
        self.parts(first, count).all(|(arena, bits)| {
            let Record { free, clean, .. } = *self.record(arena);
            free & bits == bits && clean & bits == 0
        })
    }

    /// Notes that `count` slices were freed from `first` on.
    fn note_recent(&mut self, first: u32, count: u32) {
        let recent = &mut self.inner.recent;
        let place = recent.iter().position(|&(other, _)| other == first).unwrap_or(recent.len() - 1);
        recent[place] = (first, count);
        recent[..=place].rotate_right(1);
    }

    /// After `clean` clean slices were taken, purges as many dirty ones, as far as there are too many. Of what is missing some is
    /// made up for when slices become dirty: a long run is taken all at once, and what its contents replace is freed as it is
    /// filled. Under the lock: whoever wants memory to be given back so soon has other worries than to wait.
    fn swap(&mut self, clean: u32) {
        let least = self.inner.swap_above_slices;
        if least == usize::MAX {
            return;
        }
        let owed = self.inner.owed_slices + clean as usize;
        let dirty = self.inner.dirty_slices;
        if owed > 0 && dirty > least {
            let keep = dirty.saturating_sub(owed).max(least);
            let mut below = u32::MAX;
            while let Some(claim) = self.claim(&mut below, keep, true) {
                let done = self.backing.purge(claim.first, claim.count);
                self.put_purged(&claim, done);
            }
        }
        let swapped = dirty.saturating_sub(self.inner.dirty_slices);
        self.inner.owed_slices = owed.saturating_sub(swapped).min(SWAP_OWED_SLICES);
    }

    /// Puts slices back that were claimed for a purge, which is `done` or could not be.
    fn put_purged(&mut self, claim: &Claim, done: bool) {
        for (arena, bits) in self.parts(claim.first, claim.count) {
            self.put(arena, bits, if done { Free::Clean } else { Free::Dirty });
        }
        if done {
            self.inner.purged_slices += claim.dirty;
            self.inner.purges += 1;
        }
    }

    /// Where `count` slices fit into one arena: backed ones first, then the fullest arena, then an empty one, which for `dense`
    /// ones may be backed by a huge page.
    fn find_in_arena(&mut self, count: u32, align: u32, dense: bool) -> Option<(u32, u32)> {
        let place = if dense {
            self.find_begun(count, align).or_else(|| Some((self.find_in_chunks(1)?, 0)))
        } else {
            self.beside_chunk(|held| held.find_begun(count, align).or_else(|| Some((held.find_arenas(1, 1)?, 0))))
        };
        place.or_else(|| Some((self.find_arenas(1, 1)?, 0)))
    }

    /// What `find` finds while the empty arenas of the chunk that was opened last are hidden. They are kept for what is dense,
    /// which would have to open another chunk.
    fn beside_chunk<T>(&mut self, find: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        const _: () = assert!(64 % HUGE_ARENAS == 0, "a word holds a chunk's arenas");
        if self.inner.chunk == NIL {
            return find(self);
        }
        let (word, chunk) = (self.inner.chunk / 64, ((1 << HUGE_ARENAS) - 1) << (self.inner.chunk % 64));
        let hidden = *self.empty_word(word) & chunk;
        *self.empty_word(word) &= !hidden;
        let found = find(self);
        if hidden != 0 {
            *self.empty_word(word) |= hidden;
            self.inner.first_empty_word = self.inner.first_empty_word.min(word);
        }
        found
    }

    /// Where `count` slices fit into an arena that is backed or has others in use.
    fn find_begun(&mut self, count: u32, align: u32) -> Option<(u32, u32)> {
        self.find_backed(count, align).or_else(|| self.find_in_partial(count, align, false))
    }

    /// Where `count` backed slices fit into one arena: the fullest first.
    fn find_backed(&mut self, count: u32, align: u32) -> Option<(u32, u32)> {
        if self.inner.dirty_slices < count as usize {
            return None;
        }
        self.find_in_partial(count, align, true).or_else(|| {
            let arena = self.backed_empties(1)?;
            let record = self.record(arena);
            Some((arena, find_run(record.free & !record.clean, count, align)?))
        })
    }

    /// The first of `count` consecutive empty arenas, of each of which something is backed, among the first that are empty.
    fn backed_empties(&self, count: u32) -> Option<u32> {
        self.find_empties(count, 1, PROBES, |_, record| record.clean != FULL)
    }

    /// The first of `count` consecutive empty arenas, at a multiple of `align` arenas, that are `fit` by their place among these and
    /// their record: the lowest, of so many `probes`.
    fn find_empties(&self, count: u32, align: u32, probes: usize, fit: impl Fn(u32, &Record) -> bool) -> Option<u32> {
        let mut start = self.inner.first_empty_word * 64;
        for _ in 0..probes {
            let empty = self.next_empty(start)?;
            let first = empty.next_multiple_of(align);
            let end = (first + count).min(self.inner.grown);
            let misfit = (first..end).find(|&arena| !self.is_empty(arena) || !fit(arena - first, self.record(arena)));
            match misfit {
                None if end == first + count => return Some(first),
                None => return None,
                Some(arena) => start = arena + 1,
            }
        }
        None
    }

    /// Where `count` slices fit into an arena that has others in use: the fullest first. Memory that is backed comes first
    /// in each arena, or is all that counts.
    fn find_in_partial(&mut self, count: u32, align: u32, only_backed: bool) -> Option<(u32, u32)> {
        /// Arenas of one list that are tried before the next list's turn.
        const PROBES: u32 = 8;
        for free in count..ARENA_SLICES {
            let mut arena = self.inner.partial[free as usize];
            for _ in 0..PROBES {
                if arena == NIL {
                    break;
                }
                let record = self.record(arena);
                let backed = find_run(record.free & !record.clean, count, align);
                let start = if only_backed { backed } else { backed.or_else(|| find_run(record.free, count, align)) };
                if let Some(start) = start {
                    return Some((arena, start));
                }
                arena = record.next;
            }
        }
        None
    }

    /// The first of `count` consecutive empty arenas for what is sure to fill them: backed ones, or in chunks that ask for
    /// huge pages. None unless enough is in use.
    fn find_in_chunks(&mut self, count: u32) -> Option<u32> {
        // What one of many owners has in use says little of what the next chunk will hold.
        let least = match self.backing.owners() as usize {
            1 => self.inner.huge_from_slices / 5 * HUGE_MIN_ALONE_FIFTHS,
            owners => self.inner.huge_from_slices.saturating_mul(owners),
        };
        if self.inner.used_slices + (((count - 1) * ARENA_SLICES) as usize) < least {
            return None;
        }
        let chunk = Some(self.inner.chunk).filter(|&chunk| chunk != NIL);
        let in_chunk = chunk.and_then(|chunk| Some((self.next_empty(chunk)?, chunk + HUGE_ARENAS)));
        in_chunk
            .filter(|&(arena, end)| arena + count <= end && self.empties_from(arena, count) == count)
            .map(|(arena, _)| arena)
            .or_else(|| self.backed_empties(count))
            .or_else(|| self.find_chunks(count))
    }

    /// The first of as many chunks as hold `count` arenas, which ask for huge pages now if nothing of them is backed.
    fn find_chunks(&mut self, count: u32) -> Option<u32> {
        let arenas = count.next_multiple_of(HUGE_ARENAS);
        let first = self.find_arenas(arenas, HUGE_ARENAS)?;
        for chunk in (first..first + arenas).step_by(HUGE_ARENAS as usize) {
            if self.ask_huge(chunk) {
                // The first touch backs all of it.
                for arena in chunk..chunk + HUGE_ARENAS {
                    self.record(arena).clean = 0;
                }
                self.inner.dirty_slices += HUGE_SLICES as usize;
                self.inner.chunk = chunk;
            }
        }
        Some(first)
    }

    /// Asks for huge pages for the chunks in `count` free slices from `first` on, if enough is in use.
    fn ask_huge_within(&mut self, first: u32, count: u32) {
        if self.inner.used_slices + count as usize >= self.inner.huge_from_slices {
            for chunk in first.div_ceil(HUGE_SLICES)..(first + count) / HUGE_SLICES {
                self.ask_huge(chunk * HUGE_ARENAS);
            }
        }
    }

    /// Asks for huge pages for the chunk that starts at `arena`, if nothing of it is backed. Returns whether it did.
    fn ask_huge(&mut self, arena: u32) -> bool {
        let mut chunk = arena..arena + HUGE_ARENAS;
        let fits = chunk.end <= self.inner.grown && chunk.all(|arena| self.record(arena).clean == FULL);
        if fits {
            self.backing.ask_huge(arena);
        }
        fits
    }

    /// The first of `count` consecutive empty arenas at a multiple of `align` arenas: the lowest, growing if need be.
    fn find_arenas(&mut self, count: u32, align: u32) -> Option<u32> {
        let lowest = self.next_empty(self.inner.first_empty_word * 64);
        self.inner.first_empty_word = lowest.unwrap_or(self.inner.grown) / 64;
        let found = self.find_empties(count, align, usize::MAX, |_, _| true);
        if found.is_some() {
            return found;
        }
        // The empty arenas at the end count towards what is needed.
        let mut tail = self.inner.grown;
        while tail > 0 && self.is_empty(tail - 1) {
            tail -= 1;
        }
        let aligned = tail.next_multiple_of(align);
        let missing = (aligned + count).saturating_sub(self.inner.grown);
        self.grow(missing).then_some(aligned)
    }

    fn is_empty(&self, arena: u32) -> bool {
        *self.empty_word(arena / 64) >> (arena % 64) & 1 == 1
    }

    /// The first empty arena at or after `from`.
    fn next_empty(&self, from: u32) -> Option<u32> {
        if from >= self.inner.grown {
            return None;
        }
        let words = self.inner.grown.div_ceil(64);
        let mut word = from / 64;
        let mut bits = *self.empty_word(word) & (u64::MAX << (from % 64));
        while bits == 0 {
            word += 1;
            if word == words {
                return None;
            }
            bits = *self.empty_word(word);
        }
        Some(word * 64 + bits.trailing_zeros())
    }

    /// How many of the `count` arenas from `first` on are empty before one is not.
    fn empties_from(&self, first: u32, count: u32) -> u32 {
        (0..count).take_while(|i| first + i < self.inner.grown && self.is_empty(first + i)).count() as u32
    }

    /// Makes at least `arenas` more usable.
    fn grow(&mut self, arenas: u32) -> bool {
        let old = self.inner.grown;
        let step = (old / 16).clamp(GROW_MIN_ARENAS, GROW_MAX_ARENAS).max(arenas);
        let step = (old + step).next_multiple_of(HUGE_ARENAS) - old;
        let limit = self.backing.limit();
        let grown = if old + step <= limit && self.backing.commit(old + step) {
            old + step
        } else if old + arenas <= limit && self.backing.commit(old + arenas) {
            old + arenas
        } else {
            return false;
        };
        self.inner.grown = grown;
        for arena in old..grown {
            *self.record(arena) = Record { free: FULL, clean: FULL, aged: 0, previous: NIL, next: NIL };
            *self.empty_word(arena / 64) |= 1 << (arena % 64);
        }
        self.inner.first_empty_word = self.inner.first_empty_word.min(old / 64);
        true
    }

    fn take_range(&mut self, first: u32, count: u32, mut clean: Option<&mut CleanMask>) {
        let mut clean_count = 0;
        for (arena, bits) in self.parts(first, count) {
            let was_clean = self.take(arena, bits);
            clean_count += was_clean.count_ones();
            if let Some(clean) = clean.as_deref_mut() {
                for bit in (0..ARENA_SLICES).filter(|bit| was_clean >> bit & 1 == 1) {
                    let index = arena * ARENA_SLICES + bit - first;
                    clean[index as usize / 64] |= 1 << (index % 64);
                }
            }
        }
        self.swap(clean_count);
    }

    /// Takes the slices `bits` of `arena`, all of them free; returns those that are clean.
    fn take(&mut self, arena: u32, bits: u16) -> u16 {
        let record = self.record(arena);
        debug_assert_eq!(record.free & bits, bits);
        let clean = record.clean & bits;
        let before = record.free;
        record.free &= !bits;
        record.clean &= !bits;
        record.aged &= !bits;
        let after = record.free;
        self.inner.dirty_slices -= (bits & !clean).count_ones() as usize;
        self.inner.used_slices += bits.count_ones() as usize;
        self.relist(arena, before, after);
        clean
    }

    fn put(&mut self, arena: u32, bits: u16, state: Free) {
        let record = self.record(arena);
        debug_assert_eq!(record.free & bits, 0);
        let before = record.free;
        record.free |= bits;
        match state {
            Free::Dirty => {}
            Free::Aged => record.aged |= bits,
            Free::Clean => record.clean |= bits,
        }
        let after = record.free;
        if state != Free::Clean {
            self.inner.dirty_slices += bits.count_ones() as usize;
        }
        self.inner.used_slices -= bits.count_ones() as usize;
        self.relist(arena, before, after);
    }

    /// Restores invariant 2 after the free slices of `arena` changed.
    fn relist(&mut self, arena: u32, before: u16, after: u16) {
        match before {
            0 => {}
            FULL => *self.empty_word(arena / 64) &= !(1 << (arena % 64)),
            _ => {
                let (previous, next) = (self.record(arena).previous, self.record(arena).next);
                if previous == NIL {
                    self.inner.partial[before.count_ones() as usize] = next;
                } else {
                    self.record(previous).next = next;
                }
                if next != NIL {
                    self.record(next).previous = previous;
                }
            }
        }
        match after {
            0 => {}
            FULL => {
                *self.empty_word(arena / 64) |= 1 << (arena % 64);
                self.inner.first_empty_word = self.inner.first_empty_word.min(arena / 64);
            }
            _ => {
                let head = core::mem::replace(&mut self.inner.partial[after.count_ones() as usize], arena);
                let record = self.record(arena);
                (record.previous, record.next) = (NIL, head);
                if head != NIL {
                    self.record(head).previous = arena;
                }
            }
        }
    }

    /// Takes the highest run of slices to purge below `below`, and moves `below` there.
    fn claim(&mut self, below: &mut u32, keep: usize, all: bool) -> Option<Claim> {
        /// The longest run purged in one call, which bounds how long its slices are out of reach.
        const LONGEST: u32 = 1 << 12;
        let unit = self.backing.purge_unit();
        let excess = self.inner.dirty_slices.saturating_sub(keep) as u32;
        if excess < unit {
            return None;
        }
        let longest = LONGEST.min(excess / unit * unit);
        let ripe = |held: &Self, first: u32| {
            let record = held.record(first / ARENA_SLICES);
            let bits = if all { record.free & !record.clean } else { record.aged };
            let unit = mask(first % ARENA_SLICES, unit);
            // A group may be partly clean already: purging that part again does no harm.
            bits & unit != 0 && (bits | record.clean) & unit == unit
        };
        let mut end = (*below).min(self.inner.grown * ARENA_SLICES) / unit * unit;
        while end > 0 && !ripe(self, end - unit) {
            // Whole arenas without anything to purge are skipped at once.
            let record = self.record((end - unit) / ARENA_SLICES);
            let nothing = if all { record.free & !record.clean == 0 } else { record.aged == 0 };
            end = if nothing { (end - unit) / ARENA_SLICES * ARENA_SLICES } else { end - unit };
        }
        let mut first = end;
        while first > 0 && end - first < longest && ripe(self, first - unit) {
            first -= unit;
        }
        *below = first;
        if first == end {
            return None;
        }
        let (first, end) = self.widened(first, end, unit);
        if first / HUGE_SLICES <= self.inner.chunk / HUGE_ARENAS && self.inner.chunk < end.div_ceil(ARENA_SLICES) {
            self.inner.chunk = NIL;
        }
        let dirty = self.inner.dirty_slices;
        for (arena, bits) in self.parts(first, end - first) {
            self.take(arena, bits);
        }
        Some(Claim { first, count: end - first, dirty: dirty - self.inner.dirty_slices })
    }

    /// `first .. end` with the clean groups of `unit` slices around it, as far as their metadata shares an OS page with theirs:
    /// so that metadata goes with the last of its slices, however few of them are purged at a time.
    fn widened(&self, mut first: u32, mut end: u32, unit: u32) -> (u32, u32) {
        const METADATA_BYTES: usize = METADATA_WORDS * size_of::<u64>();
        let first_page = first as usize * METADATA_BYTES / SMALL_PAGE_BYTES;
        let end_page = (end as usize * METADATA_BYTES).div_ceil(SMALL_PAGE_BYTES);
        let lowest = (first_page * SMALL_PAGE_BYTES / METADATA_BYTES) as u32;
        let highest = (end_page * SMALL_PAGE_BYTES).div_ceil(METADATA_BYTES) as u32;
        let is_clean = |group: u32| {
            let bits = mask(group % ARENA_SLICES, unit);
            self.record(group / ARENA_SLICES).clean & bits == bits
        };
        while first > lowest && is_clean(first - unit) {
            first -= unit;
        }
        while end < highest.min(self.inner.grown * ARENA_SLICES) && is_clean(end) {
            end += unit;
        }
        (first, end)
    }

    fn age(&mut self) {
        for arena in 0..self.inner.grown {
            let record = self.record(arena);
            record.aged = record.free & !record.clean;
        }
    }

    fn check(&self) {
        let (mut dirty, mut used) = (0, 0);
        for arena in 0..self.inner.grown {
            let record = self.record(arena);
            let (free, clean, aged) = (record.free, record.clean, record.aged);
            assert_eq!((clean | aged) & !free, 0, "arena {arena}: a clean or aged slice is free");
            assert_eq!(clean & aged, 0, "arena {arena}: an aged slice is dirty");
            assert_eq!(self.is_empty(arena), free == FULL, "arena {arena}: the bitmap of empty arenas");
            if free == FULL {
                assert!(self.inner.first_empty_word <= arena / 64, "arena {arena}: the first word with an empty one");
            }
            dirty += (free & !clean).count_ones() as usize;
            used += (!free).count_ones() as usize;
        }
        assert_eq!(dirty, self.inner.dirty_slices, "dirty slices");
        assert_eq!(used, self.inner.used_slices, "used slices");
        let mut listed = 0;
        for (free, &head) in self.inner.partial.iter().enumerate() {
            let (mut arena, mut previous) = (head, NIL);
            while arena != NIL {
                let record = self.record(arena);
                assert_eq!(record.free.count_ones() as usize, free, "arena {arena}: its list");
                assert_eq!(record.previous, previous, "arena {arena}: the list's back link");
                listed += 1;
                (previous, arena) = (arena, record.next);
            }
        }
        let partial = (0..self.inner.grown).filter(|&a| !matches!(self.record(a).free, 0 | FULL)).count();
        assert_eq!(listed, partial, "every partly free arena is listed");
    }
}
