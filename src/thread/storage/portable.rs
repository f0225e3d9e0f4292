//! Where a thread's cache lies: where the compiler puts thread-local variables.

use super::cache::Cache;

thread_local! {
    static CACHE: Cache = const { Cache::new() };
}

/// Calls `body` with this thread's cache.
#[inline(always)]
pub(super) fn with<R>(body: impl FnOnce(&Cache) -> R) -> R {
    CACHE.with(body)
}
