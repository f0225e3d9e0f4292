//! Something that is made once, by the first thread that asks, while the others wait.

use super::{AtomicU32, Lock, Ordering};

/// A word that leaves [`NEW`](Self::NEW) once, and publishes what was done before.
#[derive(Debug)]
pub struct Once {
    state: AtomicU32,
    making: Lock<()>,
}

impl Once {
    /// Nobody asked yet.
    pub const NEW: u32 = 0;

    /// In state [`NEW`](Self::NEW).
    #[cfg(not(cenote_loom))]
    pub const fn new() -> Self {
        Self { state: AtomicU32::new(Self::NEW), making: Lock::new(()) }
    }

    /// In state [`NEW`](Self::NEW).
    #[cfg(cenote_loom)]
    pub fn new() -> Self {
        Self { state: AtomicU32::new(Self::NEW), making: Lock::new(()) }
    }

    /// The state now; what was made before it is seen.
    #[inline]
    pub fn state(&self) -> u32 {
        // ORDERING: Acquire: what was made is seen; pairs with `call`. Scenario:
        // what_is_made_once_is_seen_by_all_who_see_that_it_is.
        self.state.load(Ordering::Acquire)
    }

    /// The state after `make` has run, which it does in one call, and returns the state to enter. Tells whether it was
    /// this call.
    pub fn call(&self, make: impl FnOnce() -> u32) -> (u32, bool) {
        let _making = self.making.lock();
        // ORDERING: Relaxed: written under the lock that is held.
        let state = self.state.load(Ordering::Relaxed);
        if state != Self::NEW {
            return (state, false);
        }
        let state = make();
        debug_assert_ne!(state, Self::NEW);
        // ORDERING: Release: what was made is seen by whoever sees the state; pairs with `state`. Scenario:
        // what_is_made_once_is_seen_by_all_who_see_that_it_is.
        self.state.store(state, Ordering::Release);
        (state, true)
    }

    /// For the fork handlers.
    pub fn lock(&self) -> &Lock<()> {
        &self.making
    }
}

impl Default for Once {
    fn default() -> Self {
        Self::new()
    }
}
