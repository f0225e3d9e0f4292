//! The real thing: std's atomics, and parking on a futex.

pub use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// `core::cell::UnsafeCell` with loom's way of handing out its pointer.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(super) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub(super) const fn new(value: T) -> Self {
        Self(core::cell::UnsafeCell::new(value))
    }

    pub(super) fn get_mut(&self) -> MutPtr<T> {
        MutPtr(self.0.get())
    }
}

/// A pointer from [`UnsafeCell::get_mut`].
pub(super) struct MutPtr<T>(*mut T);

impl<T> MutPtr<T> {
    /// # Safety
    /// No other reference to the value exists while the returned one is used.
    #[allow(clippy::mut_from_ref)]
    pub(super) unsafe fn deref(&self) -> &mut T {
        // SAFETY: the pointer comes from a live cell; exclusive by the caller.
        unsafe { &mut *self.0 }
    }
}

pub(super) fn spin_hint() {
    core::hint::spin_loop();
}

/// Tries before a waiter parks: about as long as the lock's longest ordinary critical section.
pub(super) const SPINS: u32 = 200;

/// Sleeps while `word` is `value`; may return early.
pub(super) fn park(word: &AtomicU32, value: u32) {
    crate::os::futex_wait(word, value, None);
}

/// Wakes one sleeper of `word`.
pub(super) fn unpark_one(word: &AtomicU32) {
    crate::os::futex_wake_one(word);
}
