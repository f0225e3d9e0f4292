//! A block has all the bytes that its caller was told of.

use allocator_api2::alloc::Allocator;
use cenote::Cenote;
use std::alloc::Layout;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

const MIB: usize = 1 << 20;

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("a valid layout")
}

/// A block of the system allocator's stays there when it shrinks, and yet has what a run of its new size would have.
#[test]
fn a_block_that_shrinks_below_the_longest_run_has_its_usable_size() {
    let (old, new) = (layout(40 * MIB), layout(10 * MIB + 1));
    let block = Cenote.allocate(old).expect("memory");
    // SAFETY: the block was allocated with this layout, and the new one is smaller.
    let block = unsafe { Cenote.shrink(block.cast(), old, new) }.expect("memory");
    assert_eq!(block.len(), cenote::usable_size(new));
    // SAFETY: the block is ours, and was allocated with this layout.
    unsafe {
        block.cast::<u8>().write_bytes(1, block.len());
        Cenote.deallocate(block.cast(), new);
    }
}
