//! loom's atomics, for the model checker.

pub(super) use loom::cell::{MutPtr, UnsafeCell};
pub use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Lets another thread run.
pub(super) fn wait(_tries: u32) {
    loom::thread::yield_now();
}

/// A barrier on all threads: orders it with whatever they do between two calls of [`light`].
pub(super) fn heavy() -> bool {
    // ORDERING: SeqCst: pairs with `light`. Scenario: the_owner_and_a_taker_get_each_block_once.
    loom::sync::atomic::fence(Ordering::SeqCst);
    true
}

/// Nothing is needed for [`heavy`].
pub(super) fn prepare_heavy() {}

/// The end of an operation that [`heavy`] may come before or after. loom has no barrier that one thread pays for another.
pub(super) fn light() {
    // ORDERING: SeqCst: pairs with `heavy`. Scenario: the_owner_and_a_taker_get_each_block_once.
    loom::sync::atomic::fence(Ordering::SeqCst);
}

/// A store to a word that others swap. loom does not know that a swap follows at once the store that it read, hence that a
/// store which does not come before that one comes after the swap; where both are swaps it does.
pub(super) fn overwrite(word: &AtomicPtr<u8>, value: *mut u8, ordering: Ordering) {
    word.swap(value, ordering);
}
