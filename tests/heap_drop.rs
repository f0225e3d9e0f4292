//! A heap gives back all its memory when it is dropped, whatever lives in it.

use std::alloc::Layout;
use std::thread;

use allocator_api2::alloc::Allocator;
use cenote::{Cenote, Heap};

use resident::resident_bytes;

#[path = "common/resident.rs"]
mod resident;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

const BLOCKS: usize = 1_000_000;
const LARGE_BLOCKS: usize = 50;

/// Fills a heap with blocks that nobody frees.
fn fill(heap: &Heap) {
    let take = |size: usize| {
        let layout = Layout::from_size_align(size, 8).expect("valid");
        let block = heap.allocate(layout).expect("there is memory").cast::<u8>();
        // SAFETY: the block is ours.
        unsafe { block.write_bytes(1, size) };
    };
    for number in 0..BLOCKS {
        take(8 + number % 200);
    }
    for _ in 0..LARGE_BLOCKS {
        take(1 << 20);
    }
}

/// One test, since it looks at the whole process.
#[test]
#[cfg_attr(feature = "passthrough", ignore = "the system allocator has no heaps")]
fn a_dropped_heap_gives_its_memory_back() {
    let before = resident_bytes();
    let mut most = 0;
    for round in 0..3 {
        let heap = Heap::new();
        if round == 1 {
            thread::scope(|scope| scope.spawn(|| fill(&heap)).join().expect("no panic"));
        } else {
            fill(&heap);
        }
        let full = resident_bytes() - before;
        if round == 2 {
            thread::spawn(move || drop(heap)).join().expect("no panic");
        } else {
            drop(heap);
        }
        Cenote::purge();
        Cenote::check();
        let left = resident_bytes().saturating_sub(before);
        assert!(left < full / 4, "round {round}: {left} bytes of {full} are left");
        most = most.max(full);
    }
    assert!(most < 2 * (BLOCKS * 108 + (LARGE_BLOCKS << 20)), "{most} bytes for one heap");
}
