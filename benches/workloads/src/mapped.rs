//! Arrays straight from the kernel, for the harness's own bookkeeping.
//!
//! They come from no allocator under test, and every OS page of them is resident once they exist, so that neither the
//! clock nor the resident set sees them later.

use memmap2::MmapMut;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// A slice in its own anonymous mapping.
///
/// # Invariants
/// 1. `map` starts with `len` initialised values of `T`, which this value owns.
#[derive(Debug)]
pub struct MappedSlice<T> {
    map: MmapMut,
    len: usize,
    values: PhantomData<T>,
}

impl<T> MappedSlice<T> {
    /// `len` values, each made by `value` from its index.
    ///
    /// # Panics
    /// When `len` is zero, when `T` needs dropping (values are unmapped, not dropped), or when the kernel refuses.
    pub fn new(len: usize, mut value: impl FnMut(usize) -> T) -> Self {
        assert!(len > 0 && size_of::<T>() > 0 && !std::mem::needs_drop::<T>());
        let bytes = len.checked_mul(size_of::<T>()).expect("array too long");
        let mut map = MmapMut::map_anon(bytes).unwrap_or_else(|error| panic!("mmap of {bytes} bytes failed: {error}"));
        let start = map.as_mut_ptr().cast::<T>();
        for i in 0..len {
            // SAFETY: `i < len`, and the mapping holds `len` values; it is aligned to the OS page, hence to `T`.
            unsafe { start.add(i).write(value(i)) };
        }
        Self { map, len, values: PhantomData }
    }
}

impl<T> Deref for MappedSlice<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: invariant 1.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().cast(), self.len) }
    }
}

impl<T> DerefMut for MappedSlice<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: invariant 1, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.map.as_mut_ptr().cast(), self.len) }
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
