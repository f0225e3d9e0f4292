//! Whether a watcher runs, and how much was reported to it since it last looked: one word, so that no report falls
//! between a watcher that ends and the start of the next.
//!
//! | bits | |
//! |---|---|
//! | lowest | a watcher runs, or is about to |
//! | others | the sum reported since the last [`take`](Watch::take) |

use super::{AtomicUsize, Ordering};

const RUNNING: usize = 1;

/// See the module.
#[derive(Debug)]
pub struct Watch {
    word: AtomicUsize,
}

impl Watch {
    /// No watcher, nothing reported.
    #[cfg(not(cenote_loom))]
    pub const fn new() -> Self {
        Self { word: AtomicUsize::new(0) }
    }

    /// No watcher, nothing reported.
    #[cfg(cenote_loom)]
    pub fn new() -> Self {
        Self { word: AtomicUsize::new(0) }
    }

    /// Reports `amount`. Returns the sum reported, and whether a watcher runs, which then takes notice before it ends.
    pub fn report(&self, amount: usize) -> (usize, bool) {
        // ORDERING: Release: what was done before the report is seen by the watcher that takes it; pairs with `take`.
        // Scenario: a_watcher_sees_what_was_reported_and_ends_only_when_it_saw_all.
        let word = self.word.fetch_add(amount << 1, Ordering::Release) + (amount << 1);
        (word >> 1, word & RUNNING != 0)
    }

    /// Makes the caller the one to start a watcher; false if there is one.
    pub fn start(&self) -> bool {
        // ORDERING: Relaxed: nothing is read through it.
        self.word.fetch_or(RUNNING, Ordering::Relaxed) & RUNNING == 0
    }

    /// Takes the sum reported.
    pub fn take(&self) -> usize {
        // ORDERING: Acquire: what the reports are about is seen; pairs with `report`. Changes in between are exchanges,
        // which continue each report's release sequence. Scenario:
        // a_watcher_sees_what_was_reported_and_ends_only_when_it_saw_all.
        self.word.fetch_and(RUNNING, Ordering::Acquire) >> 1
    }

    /// Ends the watcher. False, and it has to go on, if something was reported since it last took.
    pub fn end(&self) -> bool {
        // ORDERING: Relaxed: nothing is read through it.
        self.word.compare_exchange(RUNNING, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// There is no watcher, whatever was reported.
    pub fn abandon(&self) {
        // ORDERING: Relaxed: nothing is read through it.
        self.word.fetch_and(!RUNNING, Ordering::Relaxed);
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}
