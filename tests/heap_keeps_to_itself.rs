//! A first-class heap is freed whole, so it must never hold a pool in which somebody else has a block.

use allocator_api2::alloc::Allocator;
use cenote::{Cenote, Heap};
use std::alloc::{GlobalAlloc, Layout};

#[test]
fn a_heap_takes_over_no_pool_of_an_ended_thread() {
    const ALLOCATIONS: usize = 5000;
    let layout = Layout::from_size_align(64, 8).expect("a valid layout");
    // The thread leaves a block in use behind, in a pool with free blocks.
    // SAFETY: the size is not zero.
    let thread = std::thread::spawn(move || unsafe { Cenote.alloc(layout) }.expose_provenance());
    let survivor = thread.join().expect("the thread allocates");
    let heap = Heap::new();
    (&heap).allocate(layout).expect("there is memory");
    drop(heap);
    for _ in 0..ALLOCATIONS {
        // SAFETY: the size is not zero.
        let other = unsafe { Cenote.alloc(layout) };
        assert_ne!(other.addr(), survivor, "a block in use is handed out again");
    }
}
