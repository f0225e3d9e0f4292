//! Imitates a pipeline: one thread parses and only takes, another handles and only frees, with a bounded ring between
//! them.
//!
//! Cannot show: the allocator alone. Each message also moves a slot of the ring and the block's own lines between the
//! cores, and the CPU time holds the spinning of whichever side waits.

use crate::block::Block;
use crate::mapped::MappedSlice;
use crate::rng::Rng;
use crate::tally::Tally;
use crate::team::wait_until;
use crate::{Pass, Setting};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const MESSAGES: usize = 1_200_000;
const RING_SLOTS: usize = 1024;

pub(super) fn prepare(setting: &Setting) -> Pass {
    let messages = setting.scaled(MESSAGES);
    let seed = setting.seed;
    // A slot holds a packed block, or zero. The producer alone fills slots and the consumer alone empties them, both in
    // order, so no index is shared. A pass leaves the ring empty.
    let ring = MappedSlice::new(RING_SLOTS, |_| AtomicUsize::new(0));
    Box::new(move || {
        let mut tally = Tally::default();
        thread::scope(|scope| {
            scope.spawn(|| produce(&ring, messages, seed));
            consume(&ring, messages, &mut tally);
        });
        tally.outcome()
    })
}

fn produce(ring: &[AtomicUsize], messages: usize, seed: u64) {
    let mut rng = Rng::new(seed);
    for message in 0..messages {
        let block = Block::take(rng.between(16, 512), message as u32);
        let slot = &ring[message % RING_SLOTS];
        // ORDERING: Acquire: the slot is ours again; pairs with the Release store of zero in `consume`.
        wait_until(|| slot.load(Ordering::Acquire) == 0);
        // ORDERING: Release hands the block's contents over; pairs with the Acquire load in `consume`.
        slot.store(block.pack(), Ordering::Release);
    }
}

fn consume(ring: &[AtomicUsize], messages: usize, tally: &mut Tally) {
    for message in 0..messages {
        let slot = &ring[message % RING_SLOTS];
        let mut word = 0;
        wait_until(|| {
            // ORDERING: Acquire receives the block's contents; pairs with the Release store in `produce`.
            word = slot.load(Ordering::Acquire);
            word != 0
        });
        // ORDERING: Release: the slot is free only after it was read; pairs with the Acquire load in `produce`.
        slot.store(0, Ordering::Release);
        // SAFETY: `produce` packed this block for us alone.
        unsafe { Block::unpack(word) }.give(tally);
    }
}
