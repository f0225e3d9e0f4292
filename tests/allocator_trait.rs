//! The contract of `Allocator`, for `Cenote` and for heaps.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::thread;

use allocator_api2::alloc::Allocator;
use cenote::{Cenote, Heap, good_size, usable_size};

use zero::verify_zero;

#[path = "common/pattern.rs"]
mod pattern;
#[path = "common/zero.rs"]
mod zero;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a valid layout")
}

fn sizes() -> impl Iterator<Item = usize> + Clone {
    (0..300).chain((300..40_000).step_by(331)).chain([65_536, 65_537, 200_000, 1 << 20, 3 << 20])
}

const ALIGNMENTS: [usize; 6] = [1, 8, 16, 64, 1024, 8192];

fn with_each_allocator(test: impl Fn(&dyn Allocator)) {
    test(&Cenote);
    let heap = Heap::new();
    test(&&heap);
    drop(heap);
    Cenote::check();
}

/// Allocates a block that is as large as it must be, and aligned.
fn allocate(allocator: &dyn Allocator, layout: Layout) -> NonNull<[u8]> {
    let block = allocator.allocate(layout).expect("there is memory");
    assert!(block.len() >= layout.size(), "{} bytes for {layout:?}", block.len());
    assert!(block.cast::<u8>().addr().get().is_multiple_of(layout.align()), "{block:p} for {layout:?}");
    block
}

/// # Safety
/// The block is live.
unsafe fn fill(block: NonNull<[u8]>, seed: u64) {
    // SAFETY: the caller's promise.
    unsafe { pattern::fill(block.cast().as_ptr(), block.len(), seed) };
}

/// # Safety
/// The block is live, and has so many bytes.
unsafe fn verify(block: NonNull<[u8]>, len: usize, seed: u64) {
    // SAFETY: the caller's promise.
    unsafe { pattern::verify(block.cast().as_ptr(), len, seed) };
}

#[test]
fn layouts_of_no_bytes() {
    with_each_allocator(|allocator| {
        for align in ALIGNMENTS {
            let empty = layout(0, align);
            let block = allocate(allocator, empty);
            let zeroed = allocator.allocate_zeroed(empty).expect("there is memory");
            // SAFETY: both blocks are live, and have this layout.
            let grown = unsafe {
                allocator.deallocate(zeroed.cast(), empty);
                allocator.grow_zeroed(block.cast(), empty, layout(100, align)).expect("there is memory")
            };
            // SAFETY: the block is live.
            unsafe { verify_zero(grown.cast().as_ptr(), 100) };
            // SAFETY: the block is live, and has this layout.
            let shrunk = unsafe { allocator.shrink(grown.cast(), layout(100, align), empty) };
            let shrunk = shrunk.expect("there is memory");
            assert!(shrunk.cast::<u8>().addr().get().is_multiple_of(align));
            // SAFETY: the block is live, and has this layout.
            unsafe { allocator.deallocate(shrunk.cast(), empty) };
        }
    });
}

/// Every byte of what `allocate` returns belongs to the block, and every size up to it fits the block.
#[test]
fn the_whole_block_is_usable() {
    with_each_allocator(|allocator| {
        for align in ALIGNMENTS {
            let blocks: Vec<_> = sizes()
                .zip(0..)
                .flat_map(|(size, seed)| [(size, 2 * seed), (size, 2 * seed + 1)])
                .map(|(size, seed)| {
                    let block = allocate(allocator, layout(size, align));
                    // SAFETY: the block is live.
                    unsafe { fill(block, seed) };
                    (block, size, seed)
                })
                .collect();
            for (block, size, seed) in blocks {
                // SAFETY: the block is live.
                unsafe { verify(block, block.len(), seed) };
                let spare = block.len() - size;
                let fitting = size + [0, spare / 2, spare][seed as usize % 3];
                // SAFETY: the block is live, and the layout fits it.
                unsafe { allocator.deallocate(block.cast(), layout(fitting, align)) };
            }
        }
    });
}

#[test]
fn grow_and_shrink_keep_contents_and_change_alignment() {
    let sizes: Vec<usize> = sizes().step_by(17).collect();
    with_each_allocator(|allocator| {
        for (round, (&a, &b)) in sizes.iter().flat_map(|a| sizes.iter().map(move |b| (a, b))).enumerate() {
            let (small, large) = (a.min(b), a.max(b));
            let small = layout(small, ALIGNMENTS[round % 6]);
            let large = layout(large, ALIGNMENTS[round / 6 % 6]);
            let seed = round as u64;

            let block = allocate(allocator, small);
            // SAFETY: the block is live.
            unsafe { fill(block, seed) };
            // SAFETY: the block is live and has this layout; the new one is not smaller.
            let grown = unsafe { allocator.grow(block.cast(), small, large) }.expect("there is memory");
            assert!(grown.len() >= large.size());
            assert!(grown.cast::<u8>().addr().get().is_multiple_of(large.align()));
            // SAFETY: the block is live.
            unsafe { verify(grown, small.size(), seed) };

            // SAFETY: the block is live.
            unsafe { fill(grown, seed + 1) };
            // SAFETY: the block is live and has this layout; the new one is not larger.
            let shrunk = unsafe { allocator.shrink(grown.cast(), large, small) }.expect("there is memory");
            assert!(shrunk.len() >= small.size());
            assert!(shrunk.cast::<u8>().addr().get().is_multiple_of(small.align()));
            // SAFETY: the block is live, has this layout, and is freed last.
            unsafe {
                verify(shrunk, small.size(), seed + 1);
                allocator.deallocate(shrunk.cast(), small);
            }
        }
    });
}

#[test]
fn what_grow_zeroed_adds_is_zero() {
    with_each_allocator(|allocator| {
        for small in sizes().step_by(13) {
            for added in [1, 10, 100, 1000, 50_000, 1 << 20] {
                let (old, new) = (layout(small, 8), layout(small + added, 16));
                let dirty = allocate(allocator, new);
                let block = allocate(allocator, old);
                // SAFETY: both blocks are live; `dirty` is freed with its layout.
                unsafe {
                    fill(dirty, 1);
                    allocator.deallocate(dirty.cast(), new);
                    fill(block, 2);
                }
                // SAFETY: the block is live and has this layout; the new one is larger.
                let grown = unsafe { allocator.grow_zeroed(block.cast(), old, new) }.expect("there is memory");
                let added = grown.len().saturating_sub(block.len());
                // SAFETY: the block is live, has these bytes, and is freed last.
                unsafe {
                    verify(grown, small, 2);
                    verify_zero(grown.cast::<u8>().as_ptr().add(grown.len() - added), added);
                    allocator.deallocate(grown.cast(), new);
                }
            }
        }
    });
}

#[test]
fn zeroed_blocks_are_zero_to_their_end() {
    with_each_allocator(|allocator| {
        for size in sizes() {
            let layout = layout(size, 8);
            for _ in 0..3 {
                let block = allocator.allocate_zeroed(layout).expect("there is memory");
                // SAFETY: the block is live, has these bytes and this layout, and is freed last.
                unsafe {
                    verify_zero(block.cast().as_ptr(), block.len());
                    fill(block, 1);
                    allocator.deallocate(block.cast(), layout);
                }
            }
        }
    });
}

#[test]
fn absurd_sizes_are_errors() {
    with_each_allocator(|allocator| {
        for align in ALIGNMENTS {
            let absurd = layout(isize::MAX as usize - (align - 1), align);
            assert!(allocator.allocate(absurd).is_err());
            assert!(allocator.allocate_zeroed(absurd).is_err());

            let old = layout(100, align);
            let block = allocate(allocator, old);
            // SAFETY: the block is live.
            unsafe { fill(block, 1) };
            // SAFETY: the block is live and has this layout; the new one is larger.
            assert!(unsafe { allocator.grow(block.cast(), old, absurd) }.is_err());
            // SAFETY: the block is live and has this layout; the new one is larger.
            assert!(unsafe { allocator.grow_zeroed(block.cast(), old, absurd) }.is_err());
            // SAFETY: the block is live still, has this layout, and is freed last.
            unsafe {
                verify(block, 100, 1);
                allocator.deallocate(block.cast(), old);
            }
        }
    });
}

/// A block, so that it can go to another thread.
struct Sent(NonNull<[u8]>, Layout);

// SAFETY: a block belongs to no thread.
unsafe impl Send for Sent {}

#[test]
fn blocks_of_a_heap_are_freed_in_other_threads() {
    let heap = Heap::new();
    for round in 0..20 {
        let blocks: Vec<_> = sizes()
            .map(|size| {
                let layout = layout(size, 8);
                let block = allocate(&&heap, layout);
                // SAFETY: the block is live.
                unsafe { fill(block, size as u64) };
                Sent(block, layout)
            })
            .collect();
        thread::scope(|scope| {
            let heap = &heap;
            scope.spawn(move || {
                for Sent(block, layout) in blocks {
                    // SAFETY: the block is live, has this layout, and is freed last.
                    unsafe {
                        verify(block, block.len(), layout.size() as u64);
                        heap.deallocate(block.cast(), layout);
                    }
                }
            });
            for size in sizes().skip(round) {
                let layout = layout(size, 16);
                let block = allocate(&heap, layout);
                // SAFETY: the block is live, has this layout, and is freed last.
                unsafe {
                    fill(block, 1);
                    verify(block, block.len(), 1);
                    heap.deallocate(block.cast(), layout);
                }
            }
        });
    }
    Cenote::check();
}

#[test]
fn a_heap_outlives_the_thread_that_made_it() {
    let heap = thread::spawn(|| {
        let heap = Heap::new();
        for size in sizes() {
            allocate(&&heap, layout(size, 8));
        }
        heap
    })
    .join()
    .expect("no panic");
    for size in sizes() {
        allocate(&&heap, layout(size, 8));
    }
    thread::spawn(move || drop(heap)).join().expect("no panic");
    Cenote::check();
}

#[test]
fn dropping_one_heap_leaves_the_others_alone() {
    let take = |heap: &Heap, seed: u64| -> Vec<NonNull<[u8]>> {
        sizes()
            .map(|size| {
                let block = allocate(&heap, layout(size, 8));
                // SAFETY: the block is live.
                unsafe { fill(block, seed) };
                block
            })
            .collect()
    };
    let kept = Heap::new();
    let mut blocks = take(&kept, 1);
    for _ in 0..10 {
        let dropped = Heap::new();
        take(&dropped, 2);
        blocks.extend(take(&kept, 1));
        drop(dropped);
        let other = Heap::new();
        take(&other, 3);
        for block in &blocks {
            // SAFETY: the block is live, for `kept` is.
            unsafe { verify(*block, block.len(), 1) };
        }
    }
}

#[test]
fn many_heaps() {
    let heaps: Vec<Heap> = (0..300).map(|_| Heap::new()).collect();
    let blocks: Vec<_> = heaps.iter().map(|heap| allocate(&heap, layout(100, 8))).collect();
    for (seed, block) in blocks.iter().enumerate() {
        // SAFETY: the block is live.
        unsafe { fill(*block, seed as u64) };
    }
    for (seed, (block, heap)) in blocks.into_iter().zip(heaps).enumerate() {
        // SAFETY: the block is live, for its heap is dropped at the end of this loop's body.
        unsafe { verify(block, block.len(), seed as u64) };
        drop(heap);
    }
    Cenote::check();
}

#[test]
fn usable_size_is_what_a_block_really_has() {
    for align in ALIGNMENTS {
        let blocks: Vec<_> = sizes()
            .filter(|&size| size > 0)
            .map(|size| {
                let layout = layout(size, align);
                let block = allocate(&Cenote, layout);
                let usable = usable_size(layout);
                assert!(block.len() <= usable, "{} of {usable} bytes for {layout:?}", block.len());
                // SAFETY: the block has so many bytes, or `usable_size` is wrong and another block notices.
                unsafe { pattern::fill(block.cast().as_ptr(), usable, size as u64) };
                (block, layout)
            })
            .collect();
        for (block, layout) in blocks {
            // SAFETY: as above.
            unsafe { pattern::verify(block.cast().as_ptr(), usable_size(layout), layout.size() as u64) };
            // SAFETY: the block is live, and has this layout.
            unsafe { Cenote.deallocate(block.cast(), layout) };
        }
    }
}

#[test]
fn good_size_wastes_nothing() {
    let mut before = 0;
    for size in sizes().skip(1) {
        let good = good_size(size);
        assert!(good >= size);
        assert!(good >= before, "{size} has a smaller good size than the sizes below it");
        assert_eq!(good_size(good), good);
        assert_eq!(usable_size(layout(good, 1)), good);
        before = good;
    }
}
