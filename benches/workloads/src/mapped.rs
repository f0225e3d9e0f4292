//! Arrays straight from the kernel, for the harness's own bookkeeping.
//!
//! They come from no allocator under test, and every OS page of them is resident once they exist, so that neither the
//! clock nor the resident set sees them later.

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// A slice in its own anonymous mapping.
///
/// # Invariants
/// 1. `start` points at `len` initialised values of `T`, in a mapping of `bytes` bytes that this value owns.
#[derive(Debug)]
pub struct MappedSlice<T> {
    start: NonNull<T>,
    len: usize,
    bytes: usize,
}

// SAFETY: it owns its values (invariant 1) as a `Box<[T]>` does.
unsafe impl<T: Send> Send for MappedSlice<T> {}
// SAFETY: a shared reference gives out shared references to its values only.
unsafe impl<T: Sync> Sync for MappedSlice<T> {}

impl<T> MappedSlice<T> {
    /// `len` values, each made by `value` from its index.
    ///
    /// # Panics
    /// When `len` is zero, when `T` needs dropping (values are unmapped, not dropped), or when the kernel refuses.
    pub fn new(len: usize, mut value: impl FnMut(usize) -> T) -> Self {
        assert!(len > 0 && size_of::<T>() > 0 && !std::mem::needs_drop::<T>());
        let bytes = len.checked_mul(size_of::<T>()).expect("array too long");
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice touches no memory in use.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(start, libc::MAP_FAILED, "mmap of {bytes} bytes failed");
        let start = NonNull::new(start.cast::<T>()).expect("mmap gave the null page");
        for i in 0..len {
            // SAFETY: `i < len`, and the mapping holds `len` values; it is aligned to the OS page, hence to `T`.
            unsafe { start.add(i).write(value(i)) };
        }
        Self { start, len, bytes }
    }
}

impl<T> Deref for MappedSlice<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: invariant 1.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T> DerefMut for MappedSlice<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: invariant 1, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl<T> Drop for MappedSlice<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours (invariant 1), and `self` is the last to refer to it.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_it_was_given() {
        let mut squares = MappedSlice::new(5000, |i| i * i);
        squares[7] = 1;
        assert_eq!((squares.len(), squares[7], squares[4999]), (5000, 1, 4999 * 4999));
    }
}
