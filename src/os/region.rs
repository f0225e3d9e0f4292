//! A flat array in reserved address space, made accessible from the front as it grows.
//!
//! # Invariants
//! 1. Once placed, `base` never changes and elements `0 .. ready` stay accessible for the life of the process.
//! 2. An element that nobody wrote reads as zero.

use super::linux;
use crate::sync::{AtomicPtr, AtomicU32, Ordering};

/// See the module.
pub(crate) struct Region<T> {
    base: AtomicPtr<T>,
    ready: AtomicU32,
    limit: AtomicU32,
}

impl<T> Region<T> {
    pub(crate) const fn new() -> Self {
        Self { base: AtomicPtr::new(core::ptr::null_mut()), ready: AtomicU32::new(0), limit: AtomicU32::new(0) }
    }

    /// Bytes that `limit` elements need, in whole OS pages.
    pub(crate) fn bytes(limit: u32) -> usize {
        (limit as usize * size_of::<T>()).next_multiple_of(linux::page_bytes())
    }

    /// Gives the array its place. Once, before any other use.
    ///
    /// # Safety
    /// `base` is aligned to an OS page and to `T`, and starts [`bytes(limit)`](Self::bytes) of reserved memory.
    pub(crate) unsafe fn place(&self, base: *mut u8, limit: u32) {
        debug_assert!(base.cast::<T>().is_aligned());
        // ORDERING: Relaxed: published with the rest of the initialisation.
        self.base.store(base.cast(), Ordering::Relaxed);
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// The address of the first element.
    #[inline]
    pub(crate) fn base(&self) -> *mut T {
        // ORDERING: Relaxed: written once, before the initialisation that the caller has seen.
        self.base.load(Ordering::Relaxed)
    }

    /// Elements that can be accessed.
    #[inline]
    pub(crate) fn ready(&self) -> u32 {
        // ORDERING: Relaxed: an index reaches a thread only after the growth that made it valid.
        self.ready.load(Ordering::Relaxed)
    }

    /// Elements there can ever be.
    pub(crate) fn limit(&self) -> u32 {
        // ORDERING: Relaxed: as for `base`.
        self.limit.load(Ordering::Relaxed)
    }

    /// The address of element `index`, which is below [`ready`](Self::ready).
    #[inline]
    pub(crate) fn at(&self, index: u32) -> *mut T {
        debug_assert!(index < self.ready());
        self.base().wrapping_add(index as usize)
    }

    /// Makes the first `count` elements accessible. Calls must not overlap. False if the system or the limit refuses.
    pub(crate) fn grow(&self, count: u32) -> bool {
        let ready = self.ready();
        if count <= ready {
            return true;
        }
        if count > self.limit() {
            return false;
        }
        let (old, new) = (Self::bytes(ready), Self::bytes(count));
        // SAFETY: both ends are whole OS pages inside the reservation that `place` was given.
        if new > old && !unsafe { linux::commit(self.base().byte_add(old).cast(), new - old) } {
            return false;
        }
        // ORDERING: Relaxed: as for `ready`.
        self.ready.store(count, Ordering::Relaxed);
        true
    }
}
