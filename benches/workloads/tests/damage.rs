//! Workloads notice an allocator that does not keep what was written.

use cenote_bench_workloads::{Setting, Workload};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

thread_local! {
    /// Whether this thread's allocations are to go wrong.
    static BROKEN: Cell<bool> = const { Cell::new(false) };
    /// The last block taken while they are, if it is still in use.
    static LAST: Cell<(*mut u8, usize)> = const { Cell::new((ptr::null_mut(), 0)) };
    /// How many were taken.
    static TAKEN: Cell<u32> = const { Cell::new(0) };
}

/// Damages one block in so many.
const DAMAGES_ONE_IN: u32 = 512;

/// The system's allocator, which on request now and then overwrites the end of the block before the one it returns.
struct Careless;

// SAFETY: blocks are the system's. What is overwritten lies in a block in use, in a thread that asked for it, which reads
// plain numbers there.
unsafe impl GlobalAlloc for Careless {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller vouches.
        let block = unsafe { System.alloc(layout) };
        if BROKEN.get() {
            let (last, size) = LAST.replace((block, layout.size()));
            TAKEN.set(TAKEN.get() + 1);
            if !last.is_null() && TAKEN.get().is_multiple_of(DAMAGES_ONE_IN) {
                // SAFETY: `last` is in use, or `dealloc` would have forgotten it, and has `size` bytes.
                unsafe { last.add(size - 1).write(last.add(size - 1).read() ^ 1) };
            }
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if LAST.get().0 == block {
            LAST.set((ptr::null_mut(), 0));
        }
        // SAFETY: as the caller vouches.
        unsafe { System.dealloc(block, layout) };
    }
}

#[global_allocator]
static GLOBAL: Careless = Careless;

#[test]
fn a_careless_allocator_is_found_out() {
    let setting = Setting { threads: 1, divisor: 20, seed: 1 };
    // Of one thread, and with nothing but numbers in their blocks.
    for name in ["batches-lifo-64", "batches-fifo-mixed", "churn", "glibc-simple", "size-drift", "bursts"] {
        let workload = Workload::named(name).expect("a workload");
        let mut pass = workload.pass_here(&setting);
        BROKEN.set(true);
        let outcome = pass();
        BROKEN.set(false);
        let damage = outcome.expect_err(name);
        assert!(damage.contains("a block of"), "{name}: {damage}");
    }
}
