//! A mutual-exclusion lock that never allocates and whose zero state is unlocked.
//!
//! The three-state futex lock of Ulrich Drepper, *Futexes are tricky* (2004). States of `state`: `FREE`, `HELD` (nobody
//! sleeps) and `CONTENDED` (somebody may sleep; the holder wakes one on release).
//!
//! # Invariants
//! 1. `value` is touched only by the thread that moved `state` away from `FREE`.

use super::imp::{MutPtr, SPINS, UnsafeCell, park, spin_hint, unpark_one};
use super::{AtomicU32, Ordering};
use core::ops::{Deref, DerefMut};

const FREE: u32 = 0;
const HELD: u32 = 1;
const CONTENDED: u32 = 2;

/// A value that one thread at a time can reach.
#[derive(Debug)]
pub struct Lock<T> {
    state: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: invariant 1 makes the lock hand the value to one thread at a time.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    /// An unlocked lock around `value`.
    #[cfg(not(cenote_loom))]
    pub const fn new(value: T) -> Self {
        Self { state: AtomicU32::new(FREE), value: UnsafeCell::new(value) }
    }

    /// An unlocked lock around `value`.
    #[cfg(cenote_loom)]
    pub fn new(value: T) -> Self {
        Self { state: AtomicU32::new(FREE), value: UnsafeCell::new(value) }
    }

    /// Waits until the lock is free and takes it.
    #[inline]
    pub fn lock(&self) -> Guard<'_, T> {
        // ORDERING: Acquire: what the last holder wrote is seen; pairs with `unlock`.
        if self.state.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.lock_contended();
        }
        self.guard()
    }

    /// Takes the lock if it is free.
    #[inline]
    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        // ORDERING: Acquire: as in `lock`; pairs with `unlock`.
        self.state.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).ok()?;
        Some(self.guard())
    }

    #[cold]
    fn lock_contended(&self) {
        for _ in 0..SPINS {
            // ORDERING: Relaxed: only a hint whether to try.
            if self.state.load(Ordering::Relaxed) == FREE
                // ORDERING: Acquire: as in `lock`; pairs with `unlock`.
                && self.state.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return;
            }
            spin_hint();
        }
        // ORDERING: Acquire: as in `lock`; pairs with `unlock`.
        while self.state.swap(CONTENDED, Ordering::Acquire) != FREE {
            park(&self.state, CONTENDED);
        }
    }

    fn guard(&self) -> Guard<'_, T> {
        Guard { lock: self, value: self.value.get_mut() }
    }

    #[inline]
    fn unlock(&self) {
        // ORDERING: Release: what this holder wrote is seen by the next; pairs with `lock`, `try_lock`, `lock_contended`.
        if self.state.swap(FREE, Ordering::Release) == CONTENDED {
            unpark_one(&self.state);
        }
    }

    /// Takes the lock without a guard, to be given back with [`release`](Self::release): for fork handlers.
    pub fn acquire(&self) {
        core::mem::forget(self.lock());
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
        // SAFETY: invariant 1: the guard's thread moved `state` away from `FREE`.
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
