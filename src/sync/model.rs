//! loom's atomics, for the model checker.

pub(super) use loom::cell::{MutPtr, UnsafeCell};
pub use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Lets another thread run.
pub(super) fn wait(_tries: u32) {
    loom::thread::yield_now();
}
