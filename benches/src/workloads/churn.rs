use super::mixed_size;
use crate::block::Block;
use crate::mapped::MappedSlice;
use crate::measure::Meter;
use crate::rng::Rng;
use std::alloc::GlobalAlloc;

const SLOTS: usize = 100_000;
const STEPS: u32 = 300_000;

/// Imitates a cache or an object store in steady state: about 60 MiB live, entries of mixed sizes replaced at random, so
/// that a freed block is cold and the next one of its size has another neighbour each time.
///
/// Cannot show: phases. The mix of sizes never changes, and lifetimes are exponential; real programs free together what
/// they took together. Much of the time is cache misses on the slots and blocks themselves, the same for every allocator.
pub fn churn<A: GlobalAlloc>(alloc: &A, meter: &mut Meter) -> u64 {
    let mut rng = Rng::new(0xC0DE);
    let mut slots = MappedSlice::new(SLOTS, |_| Block::NONE);
    meter.ready();
    for (slot, tag) in slots.iter_mut().zip(0..) {
        *slot = Block::take(alloc, mixed_size(&mut rng), tag);
    }
    let mut checksum = 0;
    meter.start();
    for tag in 0..STEPS {
        let slot = &mut slots[rng.below(SLOTS)];
        checksum += slot.give_cold(alloc) as u64;
        *slot = Block::take(alloc, mixed_size(&mut rng), tag);
    }
    meter.stop();
    for block in slots.iter() {
        checksum += block.give(alloc) as u64;
    }
    checksum
}
