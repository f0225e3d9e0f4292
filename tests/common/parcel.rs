//! Blocks that say themselves what they are, so that any thread can verify and free them.

use std::alloc::{GlobalAlloc, Layout};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use cenote::Cenote;

use crate::pattern;

/// The head of a block; the pattern follows.
#[derive(Clone, Copy)]
pub struct Parcel {
    layout: Layout,
    seed: u64,
}

impl Parcel {
    /// Allocates a block of at least a head's size.
    pub fn make(size: usize, align: usize, seed: u64) -> *mut Parcel {
        let size = size.max(size_of::<Parcel>());
        let layout = Layout::from_size_align(size, align.max(align_of::<Parcel>())).expect("valid");
        // SAFETY: the layout has a size.
        let parcel = unsafe { Cenote.alloc(layout) }.cast::<Parcel>();
        assert!(!parcel.is_null(), "no memory for {layout:?}");
        assert!(parcel.addr().is_multiple_of(layout.align()));
        // SAFETY: the block is ours, and large enough and aligned for the head.
        unsafe { parcel.write(Parcel { layout, seed }) };
        // SAFETY: the block is ours, and `body` stays inside of it.
        unsafe { pattern::fill(body(parcel), size - size_of::<Parcel>(), seed) };
        parcel
    }

    /// Verifies and frees a block.
    ///
    /// # Safety
    /// `parcel` came from `make`, and nobody else has it.
    pub unsafe fn open(parcel: *mut Parcel) {
        // SAFETY: `make` wrote the head.
        let Parcel { layout, seed } = unsafe { *parcel };
        // SAFETY: `make` allocated that many bytes after the head.
        unsafe { pattern::verify(body(parcel), layout.size() - size_of::<Parcel>(), seed) };
        // SAFETY: `make` allocated the block with this layout.
        unsafe { Cenote.dealloc(parcel.cast(), layout) };
    }
}

fn body(parcel: *mut Parcel) -> *mut u8 {
    parcel.wrapping_add(1).cast()
}

/// Places where threads leave blocks for each other.
pub struct Exchange<const N: usize> {
    places: [AtomicPtr<Parcel>; N],
}

impl<const N: usize> Exchange<N> {
    pub const fn new() -> Self {
        Self { places: [const { AtomicPtr::new(ptr::null_mut()) }; N] }
    }

    /// Leaves a parcel, and opens the one that was there.
    pub fn trade(&self, place: usize, parcel: *mut Parcel) {
        // ORDERING: release publishes the new block's contents, acquire sees the old one's.
        let found = self.places[place].swap(parcel, Ordering::AcqRel);
        if !found.is_null() {
            // SAFETY: parcels here come from `make`, and the swap took the only pointer to this one.
            unsafe { Parcel::open(found) };
        }
    }

    /// Opens all parcels that are there.
    pub fn clear(&self) {
        for place in 0..N {
            self.trade(place, ptr::null_mut());
        }
    }
}
