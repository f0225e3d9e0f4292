//! `cenote::raw`: what C programs and language runtimes are promised.

use allocator_api2::alloc::Allocator;
use cenote::raw::{self, Foreign};
use cenote::{Cenote, Heap};
use std::alloc::{GlobalAlloc, Layout};
use std::collections::HashSet;
use std::ptr::{self, null_mut};
use std::thread;

#[path = "common/child.rs"]
mod child;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

/// Sizes of pools, of runs, and above.
const SIZES: [usize; 14] = [0, 1, 8, 9, 16, 17, 100, 1000, 5000, 32 << 10, (32 << 10) + 1, 1 << 20, 32 << 20, 40 << 20];

/// Fills a block and returns it.
fn filled(block: *mut u8, size: usize) -> *mut u8 {
    assert!(!block.is_null());
    // SAFETY: the block has that many bytes, and is the caller's.
    unsafe { block.write_bytes(0x5a, size) };
    block
}

fn holds(block: *mut u8, size: usize, byte: u8) -> bool {
    // SAFETY: the caller's block has that many bytes, all written.
    unsafe { std::slice::from_raw_parts(block, size) }.iter().all(|&b| b == byte)
}

fn free(block: *mut u8) {
    // SAFETY: tests free what is theirs, or what is foreign.
    unsafe { raw::free(block) }.expect("the block came from here");
}

#[test]
fn blocks_are_long_enough_aligned_and_found_again() {
    for size in SIZES {
        let block = filled(raw::malloc(size), size);
        let usable = raw::usable_size(block).expect("the block came from here");
        assert!(usable >= size.max(1), "{size}");
        assert!(block.addr().is_multiple_of(if size >= 16 { 16 } else { 8 }), "{size}");
        assert!(raw::owns(block));
        free(filled(block, usable));
    }
}

#[test]
fn blocks_of_no_bytes_are_distinct() {
    let blocks: HashSet<_> = (0..1000).map(|_| raw::malloc(0)).collect();
    assert_eq!(blocks.len(), 1000);
    blocks.into_iter().for_each(free);
}

#[test]
fn alignments_are_kept() {
    for align in (0..=23).map(|shift| 1_usize << shift) {
        for size in [0, 1, 24, 100, 4000, 5000, 100_000, 3 << 20] {
            let block = filled(raw::aligned_alloc(align, size), size);
            assert!(block.addr().is_multiple_of(align), "{size} at {align}");
            assert!(raw::usable_size(block) >= Some(size));
            // SAFETY: allocated with these arguments.
            unsafe { raw::free_aligned_sized(block, align, size) }.expect("the block came from here");
        }
    }
    for wrong in [0, 3, 24] {
        assert!(raw::aligned_alloc(wrong, 100).is_null());
    }
}

#[test]
fn calloc_clears_what_was_used_before() {
    for size in SIZES {
        free(filled(raw::malloc(size), size));
        let block = raw::calloc(size, 1);
        assert!(holds(block, size, 0), "{size}");
        free(block);
    }
}

#[test]
fn requests_that_cannot_be_met_are_refused() {
    let most = isize::MAX as usize;
    for size in [most - 15, most, most + 1, usize::MAX] {
        assert!(raw::malloc(size).is_null());
        assert!(raw::calloc(size, 1).is_null());
        assert!(raw::aligned_alloc(64, size).is_null());
        let block = filled(raw::malloc(100_000), 100_000);
        // SAFETY: the block is ours, and stays so when there is no memory.
        assert_eq!(unsafe { raw::realloc(block, size) }, Ok(null_mut()));
        assert!(holds(block, 100_000, 0x5a));
        free(block);
    }
    assert!(raw::calloc(1 << 40, 1 << 40).is_null());
}

#[test]
fn realloc_keeps_the_contents() {
    for from in SIZES {
        for to in SIZES {
            let block = filled(raw::malloc(from), from);
            // SAFETY: the block is ours.
            let block = unsafe { raw::realloc(block, to) }.expect("the block came from here");
            assert!(holds(block, from.min(to), 0x5a), "{from} to {to}");
            assert!(raw::usable_size(block) >= Some(to));
            // SAFETY: the block has the size that it was last given.
            unsafe { raw::free_sized(block, to) }.expect("the block came from here");
        }
    }
    // SAFETY: null is allowed.
    free(unsafe { raw::realloc(null_mut(), 10) }.expect("null is not foreign"));
}

#[test]
fn foreign_pointers_are_told_from_blocks() {
    let mut variable = 0_u64;
    // SAFETY: no preconditions.
    let of_malloc: *mut u8 = unsafe { libc::malloc(100) }.cast();
    let large = raw::malloc(64 << 20);
    let beside = large.wrapping_add(1 << 20);
    for foreign in [
        (&raw mut variable).cast(),
        of_malloc,
        beside,
        ptr::without_provenance_mut(1),
        ptr::without_provenance_mut(usize::MAX),
    ] {
        assert!(!raw::owns(foreign));
        assert_eq!(raw::usable_size(foreign), None);
        // SAFETY: foreign pointers are not touched.
        unsafe {
            assert_eq!(raw::free(foreign), Err(Foreign));
            assert_eq!(raw::realloc(foreign, 10), Err(Foreign));
            assert_eq!(raw::free_sized(foreign, 1 << 20), Err(Foreign));
        }
    }
    // SAFETY: the block is malloc's, and was not touched.
    unsafe { libc::free(of_malloc.cast()) };
    free(large);
    assert!(!raw::owns(null_mut()));
    free(null_mut());
}

#[test]
fn each_interface_frees_the_blocks_of_the_other() {
    let heap = Heap::new();
    for size in SIZES.into_iter().filter(|&size| size > 0) {
        let layout = Layout::from_size_align(size, 8).expect("a valid layout");
        // SAFETY: the size is not zero; a block of either has the same class, or the same length.
        unsafe {
            free(GLOBAL.alloc(layout));
            GLOBAL.dealloc(raw::malloc(size), layout);
        }
    }
    for size in [100_000, 1 << 20, 300_000] {
        let layout = Layout::from_size_align(size, 8).expect("a valid layout");
        free((&heap).allocate(layout).expect("memory").cast().as_ptr());
    }
    // All runs were taken off the heap's list: destroying it frees nothing twice.
    drop(heap);
    Cenote::check();
}

#[test]
fn threads_free_each_others_blocks() {
    let hand_over = |salt: usize| {
        thread::spawn(move || {
            let sizes = (0..20_000).map(|n| (n * 37 + salt) % 3000);
            sizes.map(|size| (filled(raw::malloc(size), size).expose_provenance(), size)).collect::<Vec<_>>()
        })
    };
    for round in 0..4 {
        for thread in [hand_over(round), hand_over(round + 1)] {
            for (address, size) in thread.join().expect("the thread returns") {
                let block = ptr::with_exposed_provenance_mut(address);
                assert!(holds(block, size, 0x5a));
                free(block);
            }
        }
    }
}

#[test]
fn large_blocks_are_found_in_whatever_order_they_come_and_go() {
    child::run("large_blocks_are_found_in_whatever_order_they_come_and_go", &[], || {
        let size_of = |n: usize| (33 << 20) + n * 4096;
        let mut blocks: Vec<_> = (0..100).map(|n| (raw::malloc(size_of(n)), size_of(n))).collect();
        for step in [7, 3, 2, 1] {
            let (gone, kept) = blocks.iter().enumerate().partition::<Vec<_>, _>(|(n, _)| n % step == 0);
            gone.iter().for_each(|(_, (block, _))| free(*block));
            blocks = kept.into_iter().map(|(_, &block)| block).collect();
            assert_eq!(Cenote::stats().large_blocks, blocks.len());
            assert!(blocks.iter().all(|&(block, size)| raw::usable_size(block) == Some(size)));
            assert!(blocks.iter().all(|&(block, _)| !raw::owns(block.wrapping_add(4096))));
            if step > 2 {
                blocks.extend((0..20).map(|n| (raw::malloc(size_of(n)), size_of(n))));
            }
        }
        assert_eq!(Cenote::stats().large_bytes, 0);
    })
    .assert_silent();
}

#[test]
fn large_blocks_are_counted_while_they_live() {
    child::run("large_blocks_are_counted_while_they_live", &[], || {
        let blocks: Vec<_> = (0..200).map(|_| raw::malloc(33 << 20)).collect();
        assert_eq!(Cenote::stats().large_blocks, 200);
        assert!(blocks.iter().all(|&block| raw::usable_size(block) == Some(33 << 20)));
        // SAFETY: the block is ours.
        let grown = unsafe { raw::realloc(blocks[7], 50 << 20) }.expect("the block came from here");
        assert_eq!(Cenote::stats().large_bytes, (199 * 33 + 50) << 20);
        blocks.into_iter().enumerate().for_each(|(n, block)| free(if n == 7 { grown } else { block }));
        assert_eq!((Cenote::stats().large_blocks, Cenote::stats().large_bytes), (0, 0));
    })
    .assert_silent();
}

#[test]
fn double_free_of_a_small_block() {
    child::run("double_free_of_a_small_block", &[("VERIFY", "1")], || {
        let blocks: Vec<_> = (0..300).map(|_| raw::malloc(48)).collect();
        show!("block", format_args!("{:p}", blocks[150]));
        free(blocks[150]);
        free(blocks[150]);
    })
    .assert_died_saying("double free of {block}");
}

#[test]
fn double_free_of_a_run() {
    child::run("double_free_of_a_run", &[], || {
        let block = raw::malloc(100_000);
        show!("block", format_args!("{block:p}"));
        free(block);
        free(block);
    })
    .assert_died_saying("double free of {block}, or a pointer that cenote never handed out");
}

#[test]
fn free_of_the_middle_of_a_run() {
    child::run("free_of_the_middle_of_a_run", &[], || {
        let middle = raw::malloc(100_000).wrapping_add(16);
        show!("middle", format_args!("{middle:p}"));
        free(middle);
    })
    .assert_died_saying("free of {middle}, which is not the start of a block");
}

#[test]
fn realloc_of_the_middle_of_a_run() {
    child::run("realloc_of_the_middle_of_a_run", &[], || {
        let middle = raw::malloc(100_000).wrapping_add(50_000);
        show!("middle", format_args!("{middle:p}"));
        // SAFETY: the allocator finds it out before anything else happens.
        let _ = unsafe { raw::realloc(middle, 10) };
    })
    .assert_died_saying("free of {middle}, which is not the start of a block");
}
