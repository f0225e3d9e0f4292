//! Where other threads leave magazines of freed blocks for a heap: many senders, one collector at a time.
//!
//! A stack that is pushed by exchange and taken whole by `swap`, so there is no ABA problem. `waiting` counts what was
//! pushed since the last collection; it is a hint for senders, never a proof.
//!
//! # Invariants
//! 1. A magazine belongs to its sender until the exchange in `send` succeeds, then to the mailbox, then to the collector.

use super::{AtomicU32, Links, NIL, Ordering, next_of, with_next};

/// A mailbox of nodes named by index, linked through [`Links`].
#[derive(Debug)]
pub struct Mailbox {
    head: AtomicU32,
    waiting: AtomicU32,
}

impl Mailbox {
    /// An empty mailbox.
    #[cfg(not(cenote_loom))]
    pub const fn new() -> Self {
        Self { head: AtomicU32::new(NIL), waiting: AtomicU32::new(0) }
    }

    /// An empty mailbox.
    #[cfg(cenote_loom)]
    pub fn new() -> Self {
        Self { head: AtomicU32::new(NIL), waiting: AtomicU32::new(0) }
    }

    /// Leaves node `index`, which the caller owns, and returns about how many wait now.
    pub fn send(&self, links: &impl Links, index: u32) -> u32 {
        let link = links.link(index);
        // ORDERING: Relaxed: the exchange below validates the value, nothing is read through it.
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // ORDERING: Relaxed: published by the Release below; this thread owns the node.
            link.store(with_next(link.load(Ordering::Relaxed), head), Ordering::Relaxed);
            // ORDERING: Release: the node's link and blocks are seen by the collector; pairs with `collect`. Scenario:
            // a_magazine_reaches_the_collector_with_its_contents.
            match self.head.compare_exchange_weak(head, index, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => head = now,
            }
        }
        // ORDERING: Relaxed: a hint.
        self.waiting.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether nothing was seen to wait.
    #[inline]
    pub fn is_empty(&self) -> bool {
        // ORDERING: Relaxed: a hint; `collect` decides.
        self.head.load(Ordering::Relaxed) == NIL
    }

    /// Takes all that waits; the caller owns the nodes.
    pub fn collect<'a, L: Links>(&self, links: &'a L) -> Drain<'a, L> {
        // ORDERING: Relaxed: a hint.
        self.waiting.store(0, Ordering::Relaxed);
        // ORDERING: Acquire: the nodes' links and blocks are seen; pairs with `send`. The exchanges of other senders
        // between the first and this one continue the first one's release sequence. Scenario:
        // a_magazine_reaches_the_collector_with_its_contents.
        Drain { links, next: self.head.swap(NIL, Ordering::Acquire) }
    }
}

impl Default for Mailbox {
    fn default() -> Self {
        Self::new()
    }
}

/// The nodes that [`Mailbox::collect`] took. Drop it only when exhausted: what is left would be lost.
#[derive(Debug)]
pub struct Drain<'a, L: Links> {
    links: &'a L,
    next: u32,
}

impl<L: Links> Iterator for Drain<'_, L> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.next == NIL {
            return None;
        }
        let index = self.next;
        // ORDERING: Relaxed: made visible by the Acquire in `collect`; this thread owns the node.
        self.next = next_of(self.links.link(index).load(Ordering::Relaxed));
        Some(index)
    }
}
