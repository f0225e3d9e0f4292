use crate::block::Block;
use crate::mapped::MappedSlice;
use crate::measure::Meter;
use std::alloc::GlobalAlloc;

const NEIGHBOURS: usize = 200;
const PAIRS: u32 = 500_000;

/// Imitates a loop that builds one temporary object per step (a formatted string, a boxed closure) in a program that
/// holds some others of its size.
///
/// Cannot show: anything but the shortest path. The block is always the same one and in the cache; nothing is refilled,
/// returned or fragmented.
pub fn pairs<A: GlobalAlloc>(alloc: &A, size_bytes: usize, meter: &mut Meter) -> u64 {
    let mut neighbours = MappedSlice::new(NEIGHBOURS, |_| Block::NONE);
    meter.ready();
    for (slot, tag) in neighbours.iter_mut().zip(0..) {
        *slot = Block::take(alloc, size_bytes, tag);
    }
    let mut checksum = 0;
    meter.start();
    for tag in 0..PAIRS {
        checksum += Block::take(alloc, size_bytes, tag).give(alloc) as u64;
    }
    meter.stop();
    for block in neighbours.iter() {
        checksum += block.give(alloc) as u64;
    }
    checksum
}
