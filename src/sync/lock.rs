//! A mutual-exclusion lock that never allocates and whose zero state is unlocked.
//!
//! Whoever waits polls, with longer and longer sleeps, instead of queueing on a futex: so giving the lock back is a plain
//! store. That is half of what taking and giving back costs, each time a thread exchanges a magazine; and nobody waits
//! long, as a thread's heap is hardly ever wanted by another and the other locks are held for moments. A waiter sleeps
//! rather than yields, so that a holder of lower real-time priority gets to run.
//!
//! # Invariants
//! 1. `value` is touched only by the thread that set `held`.

use super::imp::{MutPtr, UnsafeCell, wait};
use super::{AtomicBool, Ordering};
use core::ops::{Deref, DerefMut};

/// A value that one thread at a time can reach.
#[derive(Debug)]
pub struct Lock<T> {
    held: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: invariant 1 makes the lock hand the value to one thread at a time.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    /// An unlocked lock around `value`.
    #[cfg(not(cenote_loom))]
    pub const fn new(value: T) -> Self {
        Self { held: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// An unlocked lock around `value`.
    #[cfg(cenote_loom)]
    pub fn new(value: T) -> Self {
        Self { held: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Waits until the lock is free and takes it.
    #[inline]
    pub fn lock(&self) -> Guard<'_, T> {
        self.acquire();
        self.guard()
    }

    /// Takes the lock if it is free.
    #[inline]
    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        self.try_acquire().then(|| self.guard())
    }

    #[inline]
    fn try_acquire(&self) -> bool {
        // ORDERING: Acquire: what the last holder wrote is seen; pairs with `unlock`. Relaxed on failure: nothing is read.
        // Scenario: two_threads_under_a_lock_see_each_others_writes.
        self.held.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn acquire_contended(&self) {
        let mut tries = 0;
        loop {
            // ORDERING: Relaxed: only a hint whether to try.
            while self.held.load(Ordering::Relaxed) {
                wait(tries);
                tries += 1;
            }
            if self.try_acquire() {
                return;
            }
        }
    }

    fn guard(&self) -> Guard<'_, T> {
        Guard { lock: self, value: self.value.get_mut() }
    }

    #[inline]
    fn unlock(&self) {
        // ORDERING: Release: what this holder wrote is seen by the next; pairs with `try_acquire`. Scenario:
        // two_threads_under_a_lock_see_each_others_writes.
        self.held.store(false, Ordering::Release);
    }

    /// Takes the lock without a guard, to be given back with [`release`](Self::release): for fork handlers.
    #[inline]
    pub fn acquire(&self) {
        if !self.try_acquire() {
            self.acquire_contended();
        }
    }

    /// Gives back a lock that [`acquire`](Self::acquire) took.
    ///
    /// # Safety
    /// This thread (or the one it was forked from) took the lock with `acquire` and has not released it.
    pub unsafe fn release(&self) {
        self.unlock();
    }
}

/// The right to reach a [`Lock`]'s value; gives the lock back when dropped.
pub struct Guard<'a, T> {
    lock: &'a Lock<T>,
    value: MutPtr<T>,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: invariant 1: the guard's thread set `held`.
        unsafe { self.value.deref() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: invariant 1, and the guard is borrowed mutably.
        unsafe { self.value.deref() }
    }
}

impl<T> Drop for Guard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.unlock();
    }
}
