use crate::block::Block;
use crate::mapped::MappedSlice;
use crate::measure::Meter;
use crate::rng::Rng;
use std::alloc::GlobalAlloc;

const BLOCKS: usize = 1000;
const ROUNDS: usize = 500;

/// Imitates a request handler or a compiler pass: it builds a thousand nodes, and drops them all at its end, in reverse
/// (`lifo`, a stack or a tree taken down) or in order (a list or vector dropped).
///
/// Cannot show: what happens when batches of different size classes or ages mix; every round finds the state the last one
/// left, and all blocks stay in the second-level cache.
pub fn batches<A: GlobalAlloc>(alloc: &A, lifo: bool, mixed: bool, meter: &mut Meter) -> u64 {
    let mut rng = Rng::new(0xBA7C);
    let sizes = MappedSlice::new(BLOCKS, |_| if mixed { rng.between(16, 512) } else { 64 });
    let mut blocks = MappedSlice::new(BLOCKS, |_| Block::NONE);
    let mut checksum = 0;
    meter.ready();
    meter.start();
    for round in 0..ROUNDS {
        for ((slot, &size), tag) in blocks.iter_mut().zip(sizes.iter()).zip(round as u32..) {
            *slot = Block::take(alloc, size, tag);
        }
        if lifo {
            for block in blocks.iter().rev() {
                checksum += block.give_cold(alloc) as u64;
            }
        } else {
            for block in blocks.iter() {
                checksum += block.give_cold(alloc) as u64;
            }
        }
    }
    meter.stop();
    checksum
}
