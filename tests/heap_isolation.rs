//! First-class heaps keep to themselves: nothing that others use goes with them.

use allocator_api2::alloc::Allocator;
use cenote::{Cenote, Heap};
use std::alloc::Layout;
use std::thread;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

type Block = [u8; 640];

/// A thread ends and leaves blocks in use beside free ones. A heap that wants blocks of that class must not come by the
/// thread's pools, since all it has is freed when it is dropped.
#[test]
fn a_heap_takes_no_pools_over_from_ended_threads() {
    let kept: Vec<Box<Block>> = thread::spawn(|| {
        let all: Vec<_> = (0..200).map(|_| Box::new([7; _])).collect();
        all.into_iter().step_by(2).collect()
    })
    .join()
    .expect("the thread returns");

    let heap = Heap::new();
    for _ in 0..20 {
        (&heap).allocate(Layout::new::<Block>()).expect("memory");
    }
    drop(heap);

    // Whatever was given back goes to other classes.
    let others: Vec<Vec<u8>> = (0..3000).map(|_| vec![9; 300]).collect();
    assert!(kept.iter().all(|block| block.iter().all(|&byte| byte == 7)));
    drop((kept, others));
    Cenote::check();
}
