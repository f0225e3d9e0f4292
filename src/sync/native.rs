//! The real thing: std's atomics.

use core::time::Duration;

pub use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

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

/// Passes the time before a waiter's next look: spinning at first, then sleeping longer and longer.
pub(super) fn wait(tries: u32) {
    /// Looks before the first sleep: about as long as the longest ordinary critical section.
    const SPINS: u32 = 300;
    const FIRST_SLEEP: Duration = Duration::from_micros(20);
    const DOUBLINGS: u32 = 6;
    match tries.checked_sub(SPINS) {
        None => core::hint::spin_loop(),
        Some(sleeps) => crate::os::sleep(FIRST_SLEEP * (1 << sleeps.min(DOUBLINGS))),
    }
}
