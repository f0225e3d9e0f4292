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

/// A barrier on all threads of the process, which have it at some point between two instructions. False if the system
/// refuses it, or [`prepare_heavy`] was never called; and under ThreadSanitizer, which does not know of it.
pub(super) fn heavy() -> bool {
    !cfg!(cenote_tsan) && crate::os::barrier_everywhere()
}

/// Makes [`heavy`] possible, unless the system refuses. The first time it takes as long as the system needs to see each
/// processor once.
pub(super) fn prepare_heavy() {
    crate::os::register_barrier();
}

/// The end of an operation that [`heavy`] may come before or after. Costs nothing: the barrier finds the instructions in the order
/// of the program.
#[inline(always)]
pub(super) fn light() {
    // ORDERING: SeqCst, for the compiler alone, which keeps the accesses before and after apart; pairs with `heavy`. It makes no
    // instruction, so no scenario can fail; its part in the model is a fence, which one needs.
    core::sync::atomic::compiler_fence(Ordering::SeqCst);
}

/// A store to a word that others swap.
#[inline(always)]
pub(super) fn overwrite(word: &AtomicPtr<u8>, value: *mut u8, ordering: Ordering) {
    word.store(value, ordering);
}
