//! loom's atomics, for the model checker.

pub(super) use loom::cell::{MutPtr, UnsafeCell};
pub use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

pub(super) fn spin_hint() {
    loom::thread::yield_now();
}

pub(super) const SPINS: u32 = 1;

/// A futex may return early, so yielding is one of its behaviours; the waiter looks at the word again.
pub(super) fn park(_word: &AtomicU32, _value: u32) {
    loom::thread::yield_now();
}

pub(super) fn unpark_one(_word: &AtomicU32) {}
