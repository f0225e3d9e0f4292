//! What a thread remembers of where blocks lie, so that it finds the kind of a block by its address in a few instructions.
//!
//! A copy of what never changes (where the reservation starts, where the kinds' numbers are) and of what only grows (how much
//! of it is accessible). So a copy that is behind errs to one side: it takes what is new for what is not there.

use super::{KIND_NUMBERS, MEMORY};
use crate::base::config::SLICE_SHIFT;
use core::cell::Cell;

/// See the module. All zero at first: nothing is in reach.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Reach {
    memory: Cell<usize>,
    slices: Cell<usize>,
    kind_numbers: Cell<*const u8>,
}

impl Reach {
    /// Nothing in reach.
    #[allow(dead_code, reason = "for one kind of storage of the thread's cache")]
    pub(crate) const fn new() -> Self {
        Self { memory: Cell::new(0), slices: Cell::new(0), kind_numbers: Cell::new(core::ptr::null()) }
    }

    /// Catches up.
    pub(crate) fn update(&self) {
        self.memory.set(MEMORY.base() as usize);
        self.slices.set(KIND_NUMBERS.ready() as usize);
        self.kind_numbers.set(KIND_NUMBERS.base().cast_const().cast());
    }

    /// The number of the kind of the slice that `address` lies in, if that is in reach.
    ///
    /// # Safety
    /// If `address` lies in the reservation, it is that of a block that the caller has.
    #[inline(always)]
    pub(crate) unsafe fn kind_number_at(&self, address: *const u8) -> Option<usize> {
        let slice = (address as usize).wrapping_sub(self.memory.get()) >> SLICE_SHIFT;
        // SAFETY: the byte is accessible. No atomic is needed: while there is a block in the slice nobody writes to it, and
        // whoever gave the caller the block has seen it written.
        (slice < self.slices.get()).then(|| unsafe { *self.kind_numbers.get().wrapping_add(slice) } as usize)
    }
}
