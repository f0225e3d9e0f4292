//! What the statistics say, in programs of one thread whose every block is known.

#![cfg(not(feature = "passthrough"))]

use allocator_api2::alloc::Allocator;
use cenote::{Cenote, Heap, Stats, usable_size};
use child::STILL;
use std::alloc::{GlobalAlloc, Layout};
use std::sync::mpsc;
use std::thread;

#[path = "common/child.rs"]
mod child;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Panics unless the figures go together.
fn verify(stats: &Stats) {
    let sum = |of: fn(&cenote::ClassStats) -> usize| stats.classes.iter().map(of).sum::<usize>();
    assert_eq!(stats.in_use_bytes, sum(|class| class.used_blocks * class.block_bytes) + stats.run_bytes);
    assert_eq!(stats.cached_bytes, sum(|class| class.cached_blocks * class.block_bytes));
    for class in &stats.classes {
        assert!(class.used_blocks + class.cached_blocks <= class.blocks, "{class:?}");
        assert_eq!(class.pools == 0, class.blocks == 0, "{class:?}");
        assert!(class.blocks >= 8 * class.pools, "a pool has eight blocks at least: {class:?}");
    }
    assert!(stats.classes.is_sorted_by_key(|class| class.block_bytes));
    // The rest of a pool is less than a block.
    assert!(sum(|class| class.blocks * class.block_bytes) <= stats.pool_bytes);
    assert!(stats.in_use_bytes + stats.cached_bytes <= stats.pool_bytes + stats.run_bytes);
    assert!(stats.pool_bytes + stats.run_bytes + stats.dirty_bytes <= stats.committed_bytes);
    assert!(stats.committed_bytes <= stats.reserved_bytes);
    assert!(stats.committed_bytes.is_multiple_of(stats.arenas));
    assert_eq!(stats.purges == 0, stats.purged_bytes == 0);
    assert!(stats.heaps >= 1);
}

fn stats() -> Stats {
    let stats = Cenote::stats();
    verify(&stats);
    stats
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("a valid layout")
}

/// Blocks of these sizes. Their list has its place before the first one.
fn alloc(list: &mut Vec<(*mut u8, Layout)>, sizes: impl Iterator<Item = usize>) {
    for size in sizes {
        assert!(list.len() < list.capacity());
        // SAFETY: no size here is zero.
        list.push((unsafe { GLOBAL.alloc(layout(size)) }, layout(size)));
    }
}

fn free(list: &mut Vec<(*mut u8, Layout)>) {
    for (block, layout) in list.drain(..) {
        // SAFETY: allocated with this layout.
        unsafe { GLOBAL.dealloc(block, layout) };
    }
}

#[test]
fn in_use_is_what_was_allocated() {
    child::run("in_use_is_what_was_allocated", STILL, || {
        let mut list = Vec::with_capacity(20_000);
        let small = (0..10_000).map(|n| 1 + n * 7 % 3000);
        let medium = (0..100).map(|n| 3000 + n * 311);
        let runs = (0..20).map(|n| 33 * KIB + n * 100_001);
        for sizes in [small.collect::<Vec<_>>(), medium.collect(), runs.collect()] {
            let before = stats();
            let expected: usize = sizes.iter().map(|&size| usable_size(layout(size))).sum();
            alloc(&mut list, sizes.iter().copied());
            let with = stats();
            // The test harness has a thread of its own, which takes a block now and then.
            let surplus = (with.in_use_bytes - before.in_use_bytes) as isize - expected as isize;
            assert!(surplus.unsigned_abs() <= 4 * KIB, "{surplus} bytes more in use than allocated");
            free(&mut list);
            // What is on its way to another heap counts as in use.
            Cenote::purge();
            Cenote::purge();
            assert!(stats().in_use_bytes <= before.in_use_bytes + 4 * KIB);
        }
    })
    .assert_silent();
}

#[test]
fn runs_are_counted() {
    child::run("runs_are_counted", STILL, || {
        let mut list = Vec::with_capacity(10);
        let before = stats();
        alloc(&mut list, [100_000, MIB, 5 * MIB + 1].into_iter());
        let bytes = 112 * KIB + MIB + 5 * MIB + 16 * KIB;
        let with = stats();
        assert_eq!(with.run_bytes - before.run_bytes, bytes);
        // The thread that waits for the test has some small blocks too.
        assert!((with.in_use_bytes - before.in_use_bytes).abs_diff(bytes) < 4 * KIB);
        assert!(with.pool_bytes.abs_diff(before.pool_bytes) < 100_000, "no run is in a pool");
        free(&mut list);
        let after = stats();
        assert_eq!(after.run_bytes, before.run_bytes);
        assert!(after.in_use_bytes.abs_diff(before.in_use_bytes) < 4 * KIB);
        assert!(after.dirty_bytes >= before.dirty_bytes);
        // Above the longest run, the system allocator has it.
        alloc(&mut list, [40 * MIB].into_iter());
        assert_eq!(stats().run_bytes, before.run_bytes);
        free(&mut list);
    })
    .assert_silent();
}

#[test]
fn classes_are_counted() {
    child::run("classes_are_counted", STILL, || {
        let of = |stats: &Stats| *stats.classes.iter().find(|class| class.block_bytes == 640).expect("640 is a class");
        let mut list = Vec::with_capacity(1000);
        let before = of(&stats());
        alloc(&mut list, std::iter::repeat_n(639, 1000));
        let with = of(&stats());
        assert_eq!(with.used_blocks - before.used_blocks, 1000);
        assert!(with.pools > before.pools);
        free(&mut list);
        let freed = of(&stats());
        // Pools without any block in use go back to their arenas.
        assert!(freed.blocks <= with.blocks);
        assert!(freed.cached_blocks > with.cached_blocks);
        Cenote::purge();
        Cenote::purge();
        let purged = of(&stats());
        // The harness's own thread may have some.
        assert!(purged.cached_blocks <= before.cached_blocks);
        assert!(purged.pools <= before.pools);
    })
    .assert_silent();
}

#[test]
fn what_is_given_back_is_counted() {
    child::run("what_is_given_back_is_counted", STILL, || {
        let mut list = Vec::with_capacity(100);
        alloc(&mut list, std::iter::repeat_n(100_000, 100));
        free(&mut list);
        let before = stats();
        assert!(before.dirty_bytes >= 100 * 100_000);
        let bytes = Cenote::purge();
        let after = stats();
        assert!(bytes >= before.dirty_bytes);
        assert_eq!(after.dirty_bytes, 0);
        assert!(after.purged_bytes - before.purged_bytes >= before.dirty_bytes);
        assert!(after.purges > before.purges);
        assert_eq!(after.committed_bytes, before.committed_bytes);
    })
    .assert_silent();
}

#[test]
fn heaps_are_counted() {
    child::run("heaps_are_counted", STILL, || {
        let before = stats();
        let heap = Heap::new();
        let block = (&heap).allocate(layout(500)).expect("memory");
        let run = (&heap).allocate(layout(100_000)).expect("memory");
        let with = stats();
        assert_eq!(with.heaps, before.heaps + 1);
        assert!(with.in_use_bytes - before.in_use_bytes >= block.len() + run.len());
        assert_eq!(with.run_bytes - before.run_bytes, run.len());
        drop(heap);
        let after = stats();
        assert_eq!(after.in_use_bytes, before.in_use_bytes);
        assert_eq!(after.run_bytes, before.run_bytes);
    })
    .assert_silent();
}

#[test]
fn threads_and_remote_frees_are_counted() {
    child::run("threads_and_remote_frees_are_counted", STILL, || {
        let before = stats();
        let blocks: Vec<Box<[u8; 500]>> = (0..5000).map(|_| Box::new([1; _])).collect();
        let (end, ended) = mpsc::channel::<()>();
        let (say, said) = mpsc::channel();
        let other = thread::spawn(move || {
            drop(blocks);
            say.send(()).expect("the main thread waits");
            ended.recv().expect("the main thread says so");
        });
        said.recv().expect("the thread says so");
        let with = stats();
        assert_eq!(with.heaps, before.heaps + 1);
        assert!(with.remote_frees > before.remote_frees);
        assert!(with.remote_frees - before.remote_frees <= 5000 + 1000, "{}", with.remote_frees);
        assert!(with.magazines >= before.magazines);
        end.send(()).expect("the thread waits");
        other.join().expect("the thread returns");
        for _ in 0..3 {
            Cenote::purge();
        }
        assert!(stats().in_use_bytes < before.in_use_bytes + 100 * KIB);
    })
    .assert_silent();
}

/// A thread that mostly frees another's blocks sends its own along now and then.
#[test]
fn blocks_of_two_threads_that_are_freed_together_all_come_home() {
    child::run("blocks_of_two_threads_that_are_freed_together_all_come_home", STILL, || {
        let boxes = |count| (0..count).map(|_| Box::new([1u8; 500])).collect::<Vec<_>>();
        let before = stats();
        let (end, ended) = mpsc::channel::<()>();
        let (give, given) = mpsc::channel();
        let other = thread::spawn(move || {
            give.send(boxes(9000)).expect("the main thread waits");
            ended.recv().expect("the main thread says so");
        });
        let (own, foreign) = (boxes(1000), given.recv().expect("the thread gives them"));
        let mut foreign = foreign.into_iter();
        for block in own {
            drop(block);
            foreign.by_ref().take(9).for_each(drop);
        }
        assert!(stats().remote_frees > before.remote_frees + 5000);
        end.send(()).expect("the thread waits");
        other.join().expect("the thread returns");
        for _ in 0..3 {
            Cenote::purge();
        }
        let after = stats();
        assert!(after.in_use_bytes < before.in_use_bytes + 100 * KIB, "{} {}", after.in_use_bytes, before.in_use_bytes);
        assert!(after.cached_bytes < before.cached_bytes + 100 * KIB, "{} {}", after.cached_bytes, before.cached_bytes);
        assert!(after.pool_bytes < before.pool_bytes + 500 * KIB, "{} {}", after.pool_bytes, before.pool_bytes);
    })
    .assert_silent();
}

/// The words before a row's number, and the number.
fn summary_row(line: &str) -> Option<(&str, usize)> {
    let (words, number) = line.strip_prefix("# ")?.split_once('=')?;
    Some((words.trim(), number.trim().parse().expect("a number")))
}

#[test]
fn the_table_has_its_rows() {
    child::run("the_table_has_its_rows", STILL, || {
        let blocks = [vec![1; 1000], vec![1; 10_000], vec![1; 100_000]];
        let stats = stats();
        let table = stats.to_string();
        let mut lines = table.lines();
        let columns: Vec<_> = lines.next().expect("a heading").split_whitespace().collect();
        assert_eq!(columns, ["class", "size", "pools", "blocks", "used", "cached", "free"]);
        for (number, class) in stats.classes.iter().enumerate().filter(|(_, class)| class.pools > 0) {
            let row: Vec<usize> =
                lines.next().expect("a row").split_whitespace().map(|word| word.parse().expect("a number")).collect();
            let free = class.blocks - class.used_blocks - class.cached_blocks;
            let expected =
                [number, class.block_bytes, class.pools, class.blocks, class.used_blocks, class.cached_blocks, free];
            assert_eq!(row, expected);
        }
        assert_eq!(lines.next(), Some(""));
        let rows: Vec<_> = lines.map(|line| summary_row(line).expect("a row")).collect();
        let expected = [
            ("bytes in use", stats.in_use_bytes),
            ("bytes cached", stats.cached_bytes),
            ("bytes in pools", stats.pool_bytes),
            ("bytes in runs", stats.run_bytes),
            ("bytes of large blocks", stats.large_bytes),
            ("large blocks", stats.large_blocks),
            ("bytes free and not given back", stats.dirty_bytes),
            ("bytes committed", stats.committed_bytes),
            ("bytes reserved", stats.reserved_bytes),
            ("bytes given back so far", stats.purged_bytes),
            ("calls to give them back", stats.purges),
            ("arenas", stats.arenas),
            ("heaps", stats.heaps),
            ("magazines", stats.magazines),
            ("remote frees", stats.remote_frees),
            ("blocks from the system allocator", stats.fallback_blocks),
        ];
        assert_eq!(rows, expected);
        drop(blocks);
    })
    .assert_silent();
}

#[test]
fn large_blocks_are_counted() {
    child::run("large_blocks_are_counted", STILL, || {
        let mut list = Vec::with_capacity(10);
        let before = stats();
        alloc(&mut list, [100 * MIB, 40 * MIB].into_iter());
        let (block, old) = list[0];
        // SAFETY: allocated with this layout.
        list[0] = (unsafe { GLOBAL.realloc(block, old, 50 * MIB) }, layout(50 * MIB));
        let with = stats();
        assert_eq!(with.large_blocks - before.large_blocks, 2);
        assert_eq!(with.large_bytes - before.large_bytes, 90 * MIB);
        free(&mut list);
        assert_eq!((stats().large_blocks, stats().large_bytes), (before.large_blocks, before.large_bytes));
    })
    .assert_silent();
}

#[cfg(feature = "serde")]
#[test]
fn statistics_serialise() {
    let stats = Cenote::stats();
    let value = serde_json::to_value(&stats).expect("plain data");
    for (name, expected) in [
        ("in_use_bytes", stats.in_use_bytes),
        ("cached_bytes", stats.cached_bytes),
        ("run_bytes", stats.run_bytes),
        ("reserved_bytes", stats.reserved_bytes),
        ("arenas", stats.arenas),
        ("fallback_blocks", stats.fallback_blocks),
    ] {
        assert_eq!(value[name], expected, "{name}");
    }
    let classes = value["classes"].as_array().expect("a list");
    assert_eq!(classes.len(), stats.classes.len());
    for (value, class) in classes.iter().zip(&stats.classes) {
        assert_eq!(value["block_bytes"], class.block_bytes);
        assert_eq!(value["used_blocks"], class.used_blocks);
    }
}
