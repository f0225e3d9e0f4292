//! What misuse says before it aborts; and that correct programs are not taken for it, whatever is verified.

#![cfg(not(feature = "passthrough"))]

use allocator_api2::alloc::Allocator;
use cenote::{Cenote, Heap};
use child::STILL;
use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::thread;

use process::use_and_free;

#[path = "common/child.rs"]
mod child;
#[path = "common/process.rs"]
mod process;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

const VERIFY_1: &[(&str, &str)] = &[("VERIFY", "1")];
const VERIFY_2: &[(&str, &str)] = &[("VERIFY", "2")];

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("a valid layout")
}

fn alloc(size: usize) -> *mut u8 {
    // SAFETY: no test asks for nothing. The compiler is kept from knowing where the block comes from, so that it
    // cannot reason from what may not be done with it.
    black_box(unsafe { GLOBAL.alloc(layout(size)) })
}

/// Frees, rightly or not: these programs die before the consequences, or the tests fail.
fn free(block: *mut u8, size: usize) {
    // SAFETY: the allocator finds it out before anything else happens; that is what is tested.
    unsafe { GLOBAL.dealloc(black_box(block), layout(size)) };
}

/// Keeps the pools of a class from going back to their arenas while a block is freed, and returns one more.
fn alloc_among_others(size: usize) -> *mut u8 {
    let blocks: Vec<_> = (0..300).map(|_| alloc(size)).collect();
    // All but one are never freed.
    blocks[150]
}

/// Has this thread's magazines flushed, and what that sends to other heaps taken in.
fn flush() {
    for _ in 0..3 {
        Cenote::purge();
    }
}

#[test]
fn double_free_of_a_small_block() {
    child::run("double_free_of_a_small_block", &[], || {
        let block = alloc_among_others(48);
        show!("block", format_args!("{block:p}"));
        free(block, 48);
        free(block, 48);
        flush();
    })
    .assert_died_saying("double free of {block}");
}

#[test]
fn double_free_found_without_a_purge() {
    child::run("double_free_found_without_a_purge", &[], || {
        let mut others: Vec<_> = (0..20_000).map(|_| alloc(48)).collect();
        let block = alloc_among_others(48);
        show!("block", format_args!("{block:p}"));
        // The depot is full then.
        others.drain(..10_000).for_each(|other| free(other, 48));
        free(block, 48);
        free(block, 48);
        others.into_iter().for_each(|other| free(other, 48));
    })
    .assert_died_saying("double free of {block}");
}

#[test]
fn double_free_across_threads() {
    child::run("double_free_across_threads", &[], || {
        let block = alloc_among_others(640);
        show!("block", format_args!("{block:p}"));
        let address = block.expose_provenance();
        let other = thread::spawn(move || free(std::ptr::with_exposed_provenance_mut(address), 640));
        other.join().expect("frees go into magazines first");
        free(block, 640);
        flush();
    })
    .assert_died_saying("double free of {block}");
}

#[test]
fn double_free_of_a_pool_that_is_gone() {
    child::run("double_free_of_a_pool_that_is_gone", &[], || {
        let block = alloc(9000);
        show!("block", format_args!("{block:p}"));
        free(block, 9000);
        flush();
        free(block, 9000);
        flush();
    })
    .assert_died_saying("double free of {block}, or a pointer that cenote never handed out");
}

#[test]
fn double_free_under_verification_is_found_at_once() {
    for options in [VERIFY_1, VERIFY_2] {
        let died = child::run("double_free_under_verification_is_found_at_once", options, || {
            let block = alloc_among_others(48);
            show!("block", format_args!("{block:p}"));
            show!("freed", 1);
            free(block, 48);
            show!("freed", 2);
            free(block, 48);
            show!("freed", 3);
        });
        died.assert_died_saying("double free of {block}");
        assert!(["0", "2"].contains(&died.shown("freed")));
    }
}

#[test]
fn double_free_in_a_first_class_heap_under_verification_is_found_at_once() {
    let died = child::run("double_free_in_a_first_class_heap_under_verification_is_found_at_once", VERIFY_1, || {
        let heap = Heap::new();
        let blocks: Vec<_> = (0..300).map(|_| (&heap).allocate(layout(48)).expect("memory").cast()).collect();
        show!("block", format_args!("{:p}", blocks[150]));
        // SAFETY: the first time it is right; the second time dies, before anything else happens.
        unsafe {
            (&heap).deallocate(blocks[150], layout(48));
            (&heap).deallocate(blocks[150], layout(48));
        }
        show!("block", "none");
    });
    died.assert_died_saying("double free of {block}");
}

/// A block that grew to `size` bytes where there is room for it to grow on.
fn alloc_grown(size: usize) -> *mut u8 {
    const ROOM: usize = 8 << 20;
    use_and_free(ROOM, ROOM);
    let runs = Cenote::stats().run_bytes;
    // SAFETY: the block has this layout, and there is memory.
    let block = unsafe { GLOBAL.realloc(alloc(size / 2), layout(size / 2), size) };
    assert!(Cenote::stats().run_bytes > runs, "the block is not one of a pool");
    show!("block", format_args!("{block:p}"));
    black_box(block)
}

#[test]
fn double_free_of_a_block_that_grew() {
    child::run("double_free_of_a_block_that_grew", STILL, || {
        let block = alloc_grown(12_000);
        free(block, 12_000);
        free(block, 12_000);
        flush();
    })
    .assert_died_saying("double free of {block}, or a pointer that cenote never handed out");
}

#[test]
fn wrong_layout_for_a_block_that_grew() {
    // Each is of a class of its own, in as many slices.
    child::run("wrong_layout_for_a_block_that_grew", STILL, || {
        let block = alloc_grown(12_000);
        free(block, 10_000);
        flush();
    })
    .assert_died_saying("free of {block} with a layout of up to 10240 bytes, but its block has 12288 bytes");
}

#[test]
fn free_of_the_middle_of_a_block_that_grew() {
    child::run("free_of_the_middle_of_a_block_that_grew", STILL, || {
        let middle = alloc_grown(12_000).wrapping_add(64);
        show!("block", format_args!("{middle:p}"));
        free(middle, 12_000);
        flush();
    })
    .assert_died_saying("free of {block} with a layout of up to 12288 bytes, but it lies in a larger block");
}

#[test]
fn free_of_the_middle_of_a_small_block() {
    child::run("free_of_the_middle_of_a_small_block", &[], || {
        let middle = alloc_among_others(96).wrapping_add(16);
        show!("middle", format_args!("{middle:p}"));
        free(middle, 96);
        flush();
    })
    .assert_died_saying("free of {middle}, which is not the start of a block");
}

#[test]
fn free_of_a_block_that_was_not_handed_out_yet() {
    child::run("free_of_a_block_that_was_not_handed_out_yet", VERIFY_1, || {
        // The pool is new, and its last block has never been used.
        let block = alloc(30 << 10).wrapping_add(7 * (32 << 10));
        show!("block", format_args!("{block:p}"));
        free(block, 30 << 10);
    })
    .assert_died_saying("free of {block}, which is not the start of a block");
}

#[test]
fn free_of_a_stack_variable() {
    child::run("free_of_a_stack_variable", &[], || {
        let mut variable = [0_u64; 4];
        let place: *mut u8 = variable.as_mut_ptr().cast();
        show!("place", format_args!("{place:p}"));
        free(place, 32);
        flush();
    })
    .assert_died_saying("free of {place} (32 bytes), which cenote never handed out");
}

#[test]
fn free_of_a_block_of_malloc() {
    child::run("free_of_a_block_of_malloc", &[], || {
        // SAFETY: no preconditions.
        let block = unsafe { libc::malloc(100) }.cast();
        show!("block", format_args!("{block:p}"));
        free(block, 100);
        flush();
    })
    .assert_died_saying("free of {block} (112 bytes), which cenote never handed out");
}

#[test]
fn free_with_a_layout_of_another_class() {
    child::run("free_with_a_layout_of_another_class", &[], || {
        let block = alloc_among_others(100);
        show!("block", format_args!("{block:p}"));
        free(block, 500);
        flush();
    })
    .assert_died_saying("free of {block} with a layout of up to 512 bytes, but its block has 112 bytes");
}

#[test]
fn free_of_a_large_block_with_a_small_layout() {
    child::run("free_of_a_large_block_with_a_small_layout", &[], || {
        let block = alloc(100_000);
        show!("block", format_args!("{block:p}"));
        free(block, 1000);
        flush();
    })
    .assert_died_saying("free of {block} with a layout of up to 1024 bytes, but it lies in a larger block");
}

#[test]
fn free_of_a_small_block_with_a_large_layout() {
    child::run("free_of_a_small_block_with_a_large_layout", &[], || {
        let block = alloc(1000);
        show!("block", format_args!("{block:p}"));
        free(block, 100_000);
    })
    .assert_died_saying("free of {block} with a layout of up to 100000 bytes, but its block has 1024 bytes");
}

#[test]
fn double_free_of_a_large_block() {
    child::run("double_free_of_a_large_block", &[], || {
        let block = alloc(100_000);
        show!("block", format_args!("{block:p}"));
        free(block, 100_000);
        free(block, 100_000);
    })
    .assert_died_saying("double free of {block}, or a pointer that cenote never handed out");
}

#[test]
fn free_of_the_middle_of_a_large_block() {
    for (offset, options) in [(16, &[][..]), (50_000, VERIFY_1)] {
        child::run("free_of_the_middle_of_a_large_block", options, || {
            let middle = alloc(100_000).wrapping_add(offset);
            show!("middle", format_args!("{middle:p}"));
            free(middle, 100_000);
        })
        .assert_died_saying("free of {middle}, which is not the start of a block");
    }
}

#[test]
fn free_of_a_large_block_with_another_size() {
    child::run("free_of_a_large_block_with_another_size", &[], || {
        let block = alloc(100_000);
        show!("block", format_args!("{block:p}"));
        free(block, 200_000);
    })
    .assert_died_saying("free of {block} with a layout of 200000 bytes, but its block has 114688 bytes");
}

#[test]
fn realloc_of_a_large_block_with_another_size() {
    child::run("realloc_of_a_large_block_with_another_size", &[], || {
        let block = alloc(100_000);
        show!("block", format_args!("{block:p}"));
        // SAFETY: the allocator finds out that the layout is wrong before anything else happens.
        unsafe { GLOBAL.realloc(block, layout(200_000), 300_000) };
    })
    .assert_died_saying("free of {block} with a layout of 200000 bytes, but its block has 114688 bytes");
}

#[test]
fn write_to_a_freed_block() {
    child::run("write_to_a_freed_block", VERIFY_2, || {
        let block = alloc_among_others(200);
        show!("block", format_args!("{block:p}"));
        free(block, 200);
        // SAFETY: the memory is mapped as long as the pool has other blocks in use, and holds nothing.
        unsafe { *block.add(77) = 1 };
        // The block is among those that are handed out next.
        (0..1000).for_each(|_| {
            alloc(200);
        });
    })
    .assert_died_saying("write to freed block {block}, at offset 77");
}

/// Writes all of each block it takes, of all sizes and from all sources, and gives memory from each use to each other.
fn correct_program() {
    let sizes = [8, 24, 100, 1000, 5000, 30_000, 100_000, 300_000, 1 << 20];
    let churn = move |salt: usize| {
        let mut kept = Vec::new();
        for round in 0..60 {
            for (index, size) in sizes.into_iter().enumerate() {
                let mut block = vec![round as u8 | 1; size];
                if (round + index + salt).is_multiple_of(3) {
                    block.resize(size * 2 / 3, 1);
                    block.shrink_to_fit();
                }
                kept.push(block);
            }
            if round % 10 == 9 {
                kept.drain(..kept.len() / 2);
            }
        }
        kept
    };
    let with_heap = || {
        let heap = Heap::new();
        for size in sizes {
            for index in 0..40 {
                let block = (&heap).allocate(layout(size)).expect("memory");
                // SAFETY: the block is ours.
                unsafe { block.cast::<u8>().write_bytes(0xa5, block.len()) };
                if index % 3 == 0 {
                    // SAFETY: allocated above with this layout.
                    unsafe { (&heap).deallocate(block.cast(), layout(size)) };
                }
            }
        }
    };
    for round in 0..3 {
        let handed_over = thread::spawn(move || churn(round)).join().expect("the thread returns");
        with_heap();
        let mine = churn(round + 1);
        let freed_there = thread::spawn(move || drop(mine));
        with_heap();
        drop(handed_over);
        freed_there.join().expect("the thread returns");
        if round == 1 {
            Cenote::purge();
        }
    }
    let zeroed = vec![0_u8; 5000];
    assert!(zeroed.iter().all(|&byte| byte == 0));
    Cenote::check();
}

#[test]
fn a_correct_program_is_not_aborted() {
    child::run("a_correct_program_is_not_aborted", &[], correct_program).assert_silent();
    for level in ["0", "1", "2"] {
        child::run("a_correct_program_is_not_aborted", &[("VERIFY", level)], correct_program).assert_silent();
    }
}

#[test]
fn a_correct_program_may_raise_the_level() {
    for level in [1, 2] {
        let program = || {
            correct_program();
            Cenote::configure(&cenote::Options::new().verify(level));
            correct_program();
        };
        let retain = level.to_string();
        child::run("a_correct_program_may_raise_the_level", &[("RETAIN", &retain)], program).assert_silent();
    }
}
