use crate::block::Block;
use crate::mapped::MappedSlice;
use crate::measure::Meter;
use crate::rng::Rng;
use std::alloc::GlobalAlloc;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Waits until `ready` says so: some spins, then giving the core away, as the other side may need it.
#[inline]
fn wait_until(mut ready: impl FnMut() -> bool) {
    let mut spins = 0;
    while !ready() {
        if spins < 100 {
            spins += 1;
            std::hint::spin_loop();
        } else {
            thread::yield_now();
        }
    }
}

const MESSAGES: u32 = 250_000;
const RING_SLOTS: usize = 1024;

/// Imitates a pipeline: one thread parses and only takes, another handles and only frees, with a bounded ring between
/// them.
///
/// Cannot show: the allocator alone. Each message also moves a slot of the ring and the block's own lines between the
/// cores, and the CPU time holds the spinning of whichever side waits.
pub fn producer_consumer<A: GlobalAlloc + Sync>(alloc: &'static A, meter: &mut Meter) -> u64 {
    // A slot holds a packed block, or zero. The producer alone fills slots and the consumer alone empties them, both in
    // order, so no index is shared.
    let ring = MappedSlice::new(RING_SLOTS, |_| AtomicUsize::new(0));
    let (begin, end) = (Barrier::new(2), Barrier::new(2));
    let mut checksum = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut rng = Rng::new(0x9196);
            begin.wait();
            for tag in 0..MESSAGES {
                let block = Block::take(alloc, rng.between(16, 512), tag);
                let slot = &ring[tag as usize % RING_SLOTS];
                // ORDERING: Acquire pairs with the consumer's Release store of zero: the slot is ours again.
                wait_until(|| slot.load(Ordering::Acquire) == 0);
                // ORDERING: Release hands the block's contents over; pairs with the consumer's Acquire load.
                slot.store(block.pack(), Ordering::Release);
            }
            end.wait();
        });
        meter.ready();
        begin.wait();
        meter.start();
        for message in 0..MESSAGES as usize {
            let slot = &ring[message % RING_SLOTS];
            let mut word = 0;
            wait_until(|| {
                // ORDERING: Acquire pairs with the producer's Release store of the block.
                word = slot.load(Ordering::Acquire);
                word != 0
            });
            // ORDERING: Release: the slot is free only after it was read; pairs with the producer's Acquire load.
            slot.store(0, Ordering::Release);
            // SAFETY: the producer packed this block for us alone and does not touch it again.
            checksum += unsafe { Block::unpack(word) }.give(alloc) as u64;
        }
        meter.stop();
        end.wait();
    });
    checksum
}

const SHARED_SLOTS: usize = 8192;
const STEPS_PER_THREAD: u32 = 150_000;

/// One thread's part of [`shared_churn`]; returns the bytes it took.
fn replace_at_random<A: GlobalAlloc>(alloc: &A, slots: &[AtomicUsize], seed: u64) -> u64 {
    let mut rng = Rng::new(seed);
    let mut taken_bytes = 0;
    for tag in 0..STEPS_PER_THREAD {
        let size = rng.between(16, 512);
        taken_bytes += size as u64;
        let block = Block::take(alloc, size, tag);
        // ORDERING: Release hands our block over, Acquire receives the other's contents; pairs with itself.
        let old = slots[rng.below(SHARED_SLOTS)].swap(block.pack(), Ordering::AcqRel);
        if old != 0 {
            // SAFETY: the swap took this block out of its slot, so it is ours alone.
            unsafe { Block::unpack(old) }.give(alloc);
        }
    }
    taken_bytes
}

/// Imitates a server whose sessions move between threads (the `larson` benchmark): two threads replace blocks in slots
/// they share, so that about half of all frees are of the other's blocks.
///
/// Cannot show: more than two threads, or a skew. Half of the swaps miss the cache for every allocator.
pub fn shared_churn<A: GlobalAlloc + Sync>(alloc: &'static A, meter: &mut Meter) -> u64 {
    let slots = MappedSlice::new(SHARED_SLOTS, |_| AtomicUsize::new(0));
    let (begin, end) = (Barrier::new(2), Barrier::new(2));
    let mut checksum = 0;
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            begin.wait();
            let taken_bytes = replace_at_random(alloc, &slots, 0x1A51);
            end.wait();
            taken_bytes
        });
        meter.ready();
        begin.wait();
        meter.start();
        checksum = replace_at_random(alloc, &slots, 0x1A52);
        end.wait();
        meter.stop();
        checksum += other.join().expect("the other thread panicked");
    });
    // ORDERING: Relaxed: joining the other thread ordered all it did before this.
    for word in slots.iter().map(|slot| slot.load(Ordering::Relaxed)).filter(|&word| word != 0) {
        // SAFETY: both threads are done; what is left in a slot is in use and ours.
        unsafe { Block::unpack(word) }.give(alloc);
    }
    checksum
}

const THREADS: u32 = 300;
const BLOCKS_PER_THREAD: usize = 400;
const SURVIVORS_PER_THREAD: usize = 40;

/// Imitates a program that starts a thread per task: each takes and frees some hundreds of blocks, leaves one in ten to
/// its successor, and ends.
///
/// Cannot show: the allocator alone. Most of the number is the kernel's work for a thread, and starting one takes a
/// handful of blocks from the system allocator, whichever is under test. Threads come one after another; that many live
/// at once is another case.
pub fn thread_churn<A: GlobalAlloc + Sync>(alloc: &'static A, meter: &mut Meter) -> u64 {
    let mut blocks = MappedSlice::new(BLOCKS_PER_THREAD, |_| Block::NONE);
    let mut survivors = MappedSlice::new(SURVIVORS_PER_THREAD, |_| Block::NONE);
    let mut checksum = 0;
    meter.ready();
    meter.start();
    for thread in 0..THREADS {
        let (blocks, survivors, checksum) = (&mut blocks, &mut survivors, &mut checksum);
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut rng = Rng::new(thread as u64);
                for (slot, tag) in blocks.iter_mut().zip(thread..) {
                    *slot = Block::take(alloc, rng.between(16, 512), tag);
                }
                for survivor in survivors.iter().filter(|block| block.is_some()) {
                    *checksum += survivor.give(alloc) as u64;
                }
                for (index, block) in blocks.iter().enumerate() {
                    if index % (BLOCKS_PER_THREAD / SURVIVORS_PER_THREAD) == 0 {
                        survivors[index * SURVIVORS_PER_THREAD / BLOCKS_PER_THREAD] = *block;
                    } else {
                        *checksum += block.give(alloc) as u64;
                    }
                }
            });
        });
    }
    meter.stop();
    for block in survivors.iter() {
        checksum += block.give(alloc) as u64;
    }
    checksum
}
