//! A lock-free stack of indices: R. K. Treiber, *Systems programming: coping with parallelism* (1986).
//!
//! `head` holds the top index in its low half and, in its high half, a tag that every change increments: a `pop` that
//! slept while its node was popped and pushed again fails its exchange, since the tag moved on (the ABA problem).
//!
//! # Invariants
//! 1. A node is in at most one stack, mailbox or list at a time; whoever popped it owns it.
//! 2. Links are never unmapped, so reading the link of a node that somebody else popped meanwhile is harmless.

use super::{AtomicU64, Links, NIL, Ordering, next_of, with_next};

/// A stack of nodes named by index, linked through [`Links`].
#[derive(Debug)]
pub struct IndexStack {
    head: AtomicU64,
}

fn pack(tag: u64, index: u32) -> u64 {
    tag << 32 | index as u64
}

impl IndexStack {
    /// An empty stack.
    #[cfg(not(cenote_loom))]
    pub const fn new() -> Self {
        Self { head: AtomicU64::new(NIL as u64) }
    }

    /// An empty stack.
    #[cfg(cenote_loom)]
    pub fn new() -> Self {
        Self { head: AtomicU64::new(NIL as u64) }
    }

    /// Pushes `index`, which the caller owns.
    pub fn push(&self, links: &impl Links, index: u32) {
        let link = links.link(index);
        // ORDERING: Relaxed: the exchange below validates the value, nothing is read through it.
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // ORDERING: Relaxed: published by the Release below; this thread owns the node.
            link.store(with_next(link.load(Ordering::Relaxed), next_of(head)), Ordering::Relaxed);
            let new = pack((head >> 32) + 1, index);
            // ORDERING: Release: the node's link and contents are seen by whoever pops it; pairs with `pop`. Scenario:
            // a_node_is_popped_with_what_was_pushed.
            match self.head.compare_exchange_weak(head, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Pops an index, which the caller then owns.
    pub fn pop(&self, links: &impl Links) -> Option<u32> {
        // ORDERING: Acquire: the link read next was written before the push, and so were the contents that the caller
        // reads; pairs with `push`. Scenario: a_node_is_popped_with_what_was_pushed.
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            let index = next_of(head);
            if index == NIL {
                return None;
            }
            // ORDERING: Relaxed: a stale link is caught by the tag (invariant 2).
            let next = next_of(links.link(index).load(Ordering::Relaxed));
            let new = pack((head >> 32) + 1, next);
            // ORDERING: Relaxed on success: the tag tells that the value is the one that was acquired before. Acquire on
            // failure: as for the load above. Scenario: a_pop_that_lost_a_race_reads_the_link_of_the_new_top.
            match self.head.compare_exchange_weak(head, new, Ordering::Relaxed, Ordering::Acquire) {
                Ok(_) => return Some(index),
                Err(now) => head = now,
            }
        }
    }
}

impl Default for IndexStack {
    fn default() -> Self {
        Self::new()
    }
}
