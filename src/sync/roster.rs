//! Who may have which member of a growing row: *orphans*, left with what they hold, and *spares*, left empty.
//!
//! Members are named by number, are made one after the other and never vanish. Their links ([`Links`]) and the members
//! themselves are the caller's.
//!
//! # Invariants (under the lock)
//! 1. An orphan or a spare is in exactly one of the two lists; whoever took it out has it.
//! 2. `last_orphan` is the end of the orphans' list if there is one.

use super::{AtomicU32, Links, Lock, NIL, Ordering, next_of};

/// See the module.
#[derive(Debug)]
pub struct Roster {
    lists: Lock<Lists>,
    count: AtomicU32,
}

#[derive(Debug)]
struct Lists {
    /// The last to become one first.
    orphans: u32,
    last_orphan: u32,
    spares: u32,
}

impl Roster {
    /// No members.
    #[cfg(not(cenote_loom))]
    pub const fn new() -> Self {
        Self { lists: Lock::new(Lists::new()), count: AtomicU32::new(0) }
    }

    /// No members.
    #[cfg(cenote_loom)]
    pub fn new() -> Self {
        Self { lists: Lock::new(Lists::new()), count: AtomicU32::new(0) }
    }

    /// Members made so far: the numbers below are theirs.
    pub fn count(&self) -> u32 {
        // ORDERING: Acquire: the members below the count are seen initialised; pairs with `spare_or_new`. Scenario:
        // a_member_that_is_counted_is_seen_whole.
        self.count.load(Ordering::Acquire)
    }

    /// An orphan, with what it holds; else an empty member, as for [`create`](Self::create).
    pub fn adopt(&self, links: &impl Links, make: impl FnOnce(u32) -> bool) -> Option<u32> {
        let mut lists = self.lists.lock();
        lists.pop_orphan(links).or_else(|| self.spare_or_new(&mut lists, links, make))
    }

    /// An empty member: a spare, or a new one that `make` initialises, given its number. None if it returns false.
    pub fn create(&self, links: &impl Links, make: impl FnOnce(u32) -> bool) -> Option<u32> {
        self.spare_or_new(&mut self.lists.lock(), links, make)
    }

    fn spare_or_new(&self, lists: &mut Lists, links: &impl Links, make: impl FnOnce(u32) -> bool) -> Option<u32> {
        if lists.spares != NIL {
            let id = lists.spares;
            lists.spares = next(links, id);
            return Some(id);
        }
        // ORDERING: Relaxed: changes only under the lock, which is held.
        let id = self.count.load(Ordering::Relaxed);
        if !make(id) {
            return None;
        }
        // ORDERING: Release: the member is seen initialised; pairs with `count`. Scenario:
        // a_member_that_is_counted_is_seen_whole.
        self.count.store(id + 1, Ordering::Release);
        Some(id)
    }

    /// Leaves `id`, which the caller has, with what it holds.
    pub fn orphan(&self, links: &impl Links, id: u32) {
        let mut lists = self.lists.lock();
        if lists.orphans == NIL {
            lists.last_orphan = id;
        }
        set_next(links, id, lists.orphans);
        lists.orphans = id;
    }

    /// Leaves `id`, which the caller has and which is empty.
    pub fn spare(&self, links: &impl Links, id: u32) {
        let mut lists = self.lists.lock();
        set_next(links, id, lists.spares);
        lists.spares = id;
    }

    /// Lends each of a few orphans to `take_over` until it returns true, and puts them back.
    pub fn try_orphans(&self, links: &impl Links, mut take_over: impl FnMut(u32) -> bool) -> bool {
        /// Orphans looked at before giving up: enough to find what a burst of threads left, few enough to stay quick.
        const TRIES: usize = 4;
        let mut tried = [NIL; TRIES];
        let mut done = false;
        for slot in &mut tried {
            let Some(mut lists) = self.lists.try_lock() else { break };
            let Some(id) = lists.pop_orphan(links) else { break };
            drop(lists);
            *slot = id;
            done = take_over(id);
            if done {
                break;
            }
        }
        // They go below the rest, so that the next try meets others.
        if tried[0] != NIL {
            let mut lists = self.lists.lock();
            for &id in tried.iter().take_while(|&&id| id != NIL) {
                lists.append_orphan(links, id);
            }
        }
        done
    }

    /// Takes, by `acquire`, whatever there is to take of each member, then the roster's lock: when this returns, there is
    /// no member that was left out, and none can be made. For fork handlers.
    pub fn acquire_all(&self, mut acquire: impl FnMut(u32)) {
        let mut acquired = 0;
        loop {
            while acquired < self.count() {
                acquire(acquired);
                acquired += 1;
            }
            self.lists.acquire();
            // A member may have been made since.
            if self.count() == acquired {
                return;
            }
            // SAFETY: taken just above.
            unsafe { self.lists.release() };
        }
    }

    /// Gives back what [`acquire_all`](Self::acquire_all) took, that of the members by `release`.
    ///
    /// # Safety
    /// This thread (or the one it was forked from) called `acquire_all` and has not released it.
    pub unsafe fn release_all(&self, release: impl FnMut(u32)) {
        // The roster's lock comes last: a member made meanwhile would be released without having been acquired.
        (0..self.count()).for_each(release);
        // SAFETY: the caller's.
        unsafe { self.lists.release() };
    }
}

impl Default for Roster {
    fn default() -> Self {
        Self::new()
    }
}

impl Lists {
    const fn new() -> Self {
        Self { orphans: NIL, last_orphan: NIL, spares: NIL }
    }

    fn pop_orphan(&mut self, links: &impl Links) -> Option<u32> {
        if self.orphans == NIL {
            return None;
        }
        let id = self.orphans;
        self.orphans = next(links, id);
        Some(id)
    }

    /// Puts `id` behind all other orphans.
    fn append_orphan(&mut self, links: &impl Links, id: u32) {
        set_next(links, id, NIL);
        if self.orphans == NIL {
            self.orphans = id;
        } else {
            set_next(links, self.last_orphan, id);
        }
        self.last_orphan = id;
    }
}

fn next(links: &impl Links, id: u32) -> u32 {
    // ORDERING: Relaxed: guarded by the roster's lock.
    next_of(links.link(id).load(Ordering::Relaxed))
}

fn set_next(links: &impl Links, id: u32, next: u32) {
    // ORDERING: Relaxed: guarded by the roster's lock.
    links.link(id).store(next as u64, Ordering::Relaxed);
}
