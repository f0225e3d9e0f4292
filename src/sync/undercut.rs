//! A stack that its owner works on as if it were alone, while another thread takes blocks from its bottom.
//!
//! The stack is a row of [`Slot`]s with a null below the lowest block, the *floor*, and a [`Top`] behind the highest one. Its
//! owner pops what lies below the top unless that is null, and pushes at the top: plain loads and stores, no instruction
//! more. Another thread, the *taker*, leaves the top alone and raises the floor:
//!
//! 1. it exchanges a slot that lies well below the top for null ([`Floor::raise`]);
//! 2. a barrier on all threads;
//! 3. it reads the top;
//! 4. a barrier on all threads;
//! 5. if the top lay above the slot's successor, and the slot is still null, the floor *stands*: the block that was in the
//!    slot and all below it are the taker's. Else it puts the block back, unless somebody else has written to the slot
//!    ([`settle`]).
//!
//! The barrier is one that the taker pays for alone, as the owner's side must cost nothing (Dice, Huang and Yang,
//! *Asymmetric Dekker Synchronization*, 2001): when [`heavy`](super::imp::heavy) returns, every thread has been at a point of its
//! program before which its accesses are ordered before what the taker does next, and after which they are ordered behind what the
//! taker did before. All that the owner does for it is to keep the compiler from moving accesses from one operation to the
//! next.
//!
//! # Proof
//! Let *m* be the slot that the taker exchanges, *P* and *Q* the owner's points in the two barriers, and *above* mean a top above
//! the successor of *m*. The taker holds a lock. With it the owner starts over when it has found a null ([`compact`]).
//!
//! 1. *Between two of its pushes to* m *the owner pops* m *at most once, and finds what it pushed, or null*: in between, the
//!    taker writes null to it, and the same block in the place of that null, and nothing else.
//! 2. *Behind* P *the owner finds null in* m *until it pushes to it*, if the taker does not put the block back. And for
//!    that push it must have popped the block: before, or in a pop that began before *P*.
//! 3. *If the owner has popped the block that the exchange took, and the top is above again, the slot is not null.* The
//!    owner has pushed to *m* in between. That store comes after the exchange, which would have taken what was pushed
//!    otherwise; and nobody but the taker writes null.
//! 4. *A floor that stands was not passed.* The taker read a top that was above, which the owner stored before *Q*. Had it
//!    popped the block before that, then by 3 the store to *m* came before *Q* too, and the taker saw it.
//! 5. *A floor that stands will not be passed.* When the owner stored the top that the taker read, it was not in the middle of a
//!    pop of *m*. If it did so behind *P*, then by 2 it finds null from there on. If it did so before *P*, then the top that it had at
//!    *P* was above too, or the taker would have read that one: so it was not in a pop of *m* at *P* either, and by 2 finds null.
//!    It never reads what lies below *m*.
//! 6. *Nothing is taken too early.* What lies in the slots up to *m*, and in their blocks, the owner wrote before it stored the
//!    top that was read, since that is above: before *Q*.
//! 7. *A block that is put back is in one place.* If the owner has not popped it, it lies where it lay. If it has, or has read it and
//!    stopped before it stored the top, then *m* is not below the top once the pop is done: nobody pops what lies there before
//!    the owner pushes to it. If it has pushed already, there is no null to exchange.
//!
//! | word | written by | read by |
//! |---|---|---|
//! | a slot | the owner; below the top and under the lock, the taker | the same |
//! | the top | the owner | the same; the taker |

use super::imp::{heavy, light, overwrite, prepare_heavy};
use super::{AtomicPtr, Ordering};

/// Room for one block; null if there is none.
pub type Slot = AtomicPtr<u8>;

/// A pointer to the slot for the next block that is pushed, behind the block to pop next.
pub type Top = *mut Slot;

/// The block to pop next; null if the floor lies there.
///
/// # Safety
/// The slot before `top` is one of the caller's stack: the floor at least.
#[inline(always)]
pub unsafe fn peek(top: Top) -> *mut u8 {
    // SAFETY: the caller's.
    let slot = unsafe { &*top.wrapping_sub(1) };
    // ORDERING: Relaxed: the owner's; a null that a taker wrote after a barrier is seen by its `heavy`.
    slot.load(Ordering::Relaxed)
}

/// The top without the block to pop next, of which there is one.
#[inline(always)]
pub fn pop(top: Top) -> Top {
    top.wrapping_sub(1)
}

/// The top with `block` added.
///
/// # Safety
/// The slot at `top` is one of the caller's stack.
#[inline(always)]
pub unsafe fn push(top: Top, block: *mut u8) -> Top {
    // SAFETY: the caller's.
    let slot = unsafe { &*top };
    // ORDERING: Relaxed: seen by a taker by its `heavy`.
    overwrite(slot, block, Ordering::Relaxed);
    top.wrapping_add(1)
}

/// Ends an operation of the owner: its stack's top, which lies at `place`, is now `top`.
#[inline(always)]
pub fn set_top(place: &AtomicPtr<Slot>, top: Top) {
    // ORDERING: Relaxed: as for `push`.
    place.store(top, Ordering::Relaxed);
    // Not to mix with the next operation. Scenario: the_owner_and_a_taker_get_each_block_once.
    light();
}

/// Moves the blocks of a stack down to `bottom`, the lowest slot it may have blocks in, if a floor was raised above it.
/// Returns the stack's top, which was `top`.
///
/// # Safety
/// The caller is the owner and holds the taker's lock. Slots from `bottom` to `top` are the stack's, and the one below is null.
pub unsafe fn compact(bottom: Top, top: Top) -> Top {
    // SAFETY: the caller's: there is a slot, and nobody else works on the stack.
    if top == bottom || unsafe { !peek(bottom.wrapping_add(1)).is_null() } {
        return top;
    }
    let mut lowest = top;
    // SAFETY: as above; the search ends at the null below the bottom.
    while unsafe { !peek(lowest).is_null() } {
        lowest = pop(lowest);
    }
    let mut compacted = bottom;
    while lowest != top {
        lowest = lowest.wrapping_add(1);
        // SAFETY: as above; a block moves to a lower slot.
        compacted = unsafe { push(compacted, peek(lowest)) };
    }
    compacted
}

/// To be called once before floors are raised, and without a lock, as it may take long the first time: else none will
/// stand.
pub fn prepare() {
    prepare_heavy();
}

/// A floor that a taker has raised.
#[derive(Debug)]
pub struct Floor<'a> {
    place: &'a AtomicPtr<Slot>,
    slot: Top,
    /// What was in the slot.
    block: *mut u8,
    /// Whether the top was seen above the slot's successor.
    is_deep: bool,
}

impl<'a> Floor<'a> {
    /// Raises the floor of the stack whose top lies at `place` to `slot`. None if there is a null already.
    ///
    /// # Safety
    /// The caller holds the taker's lock until the floor is dropped. The slot is one of the stack.
    pub unsafe fn raise(place: &'a AtomicPtr<Slot>, slot: Top) -> Option<Self> {
        // SAFETY: the caller's.
        let here = unsafe { &*slot };
        // ORDERING: Relaxed: seen by the owner by `heavy`.
        let block = here.swap(core::ptr::null_mut(), Ordering::Relaxed);
        (!block.is_null()).then_some(Self { place, slot, block, is_deep: false })
    }

    fn slot(&self) -> &Slot {
        // SAFETY: by `raise`, while the floor lives.
        unsafe { &*self.slot }
    }

    /// Puts the block back if nobody wrote to the slot.
    pub fn lower(self) {
        // ORDERING: Relaxed (both): the block goes where it came from, to the thread that put it there.
        let _ = self.slot().compare_exchange(core::ptr::null_mut(), self.block, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Takes the blocks from this floor, which stands, down to the next null, and leaves nulls.
    pub fn take(self, mut give: impl FnMut(*mut u8)) {
        give(self.block);
        let mut top = self.slot;
        loop {
            // SAFETY: by `raise`; a stack has a null below it.
            let block = unsafe { peek(top) };
            if block.is_null() {
                return;
            }
            top = pop(top);
            // SAFETY: as above.
            unsafe { push(top, core::ptr::null_mut()) };
            give(block);
        }
    }
}

/// Finds out which of `floors` stand, and lowers the others.
pub fn settle(floors: &mut [Option<Floor<'_>>]) {
    // Scenario (both barriers): the_owner_and_a_taker_get_each_block_once.
    let mut is_certain = heavy();
    for floor in floors.iter_mut().flatten() {
        // ORDERING: Relaxed: between two barriers.
        floor.is_deep = floor.place.load(Ordering::Relaxed) > floor.slot.wrapping_add(1);
    }
    is_certain = is_certain && heavy();
    for place in floors {
        // ORDERING: Relaxed: behind a barrier.
        let stands = |floor: &Floor<'_>| is_certain && floor.is_deep && floor.slot().load(Ordering::Relaxed).is_null();
        if let Some(floor) = place.take_if(|floor| !stands(floor)) {
            floor.lower();
        }
    }
}
