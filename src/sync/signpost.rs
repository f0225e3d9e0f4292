//! A word that tells any thread whose something is: read without a lock, believed under the lock of the owner it names.
//!
//! # Invariants
//! 1. A signpost is turned from one owner to another only under both owners' locks.
//!
//! So what it says stays true while the lock of the owner that it names is held.

use super::{AtomicU32, Guard, Lock, Ordering};

/// See the module. All-zero bytes are a signpost that reads 0.
#[derive(Debug)]
#[repr(transparent)]
pub struct Signpost {
    word: AtomicU32,
}

impl Signpost {
    /// A signpost that reads `word`.
    #[cfg(cenote_loom)]
    pub fn new(word: u32) -> Self {
        Self { word: AtomicU32::new(word) }
    }

    /// What it says now.
    #[inline]
    pub fn read(&self) -> u32 {
        // ORDERING: Acquire: the owner named may be newer than anything this thread knows; it is seen initialised. Pairs
        // with `write`. Scenario: an_owner_named_by_a_signpost_is_seen_whole.
        self.word.load(Ordering::Acquire)
    }

    /// Turns it.
    #[inline]
    pub fn write(&self, word: u32) {
        // ORDERING: Release: the owner named is seen initialised; pairs with `read`. Scenario:
        // an_owner_named_by_a_signpost_is_seen_whole.
        self.word.store(word, Ordering::Release);
    }

    /// Waits for the lock of the owner that the signpost names, which `lock_of` finds from its word. Returns the word
    /// too, which is true while the guard lives. The caller holds no owner's lock.
    pub fn lock<'a, T: 'a>(&self, lock_of: impl Fn(u32) -> &'a Lock<T>) -> (u32, Guard<'a, T>) {
        let mut word = self.read();
        loop {
            let guard = lock_of(word).lock();
            let now = self.read();
            if now == word {
                return (word, guard);
            }
            // It was turned while this thread waited.
            word = now;
        }
    }
}
