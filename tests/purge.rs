//! Memory comes back: without a call, at a call, and from between blocks in use. It does not come before it is used.

#![cfg(not(feature = "passthrough"))]

use cenote::Cenote;
use child::STILL;
use process::{eventually, hold, threads, use_and_free, use_memory};
use resident::resident_bytes;
use rng::SplitMix64;
use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

#[path = "common/child.rs"]
mod child;
#[path = "common/process.rs"]
mod process;
#[path = "common/resident.rs"]
mod resident;
#[allow(dead_code, reason = "not all of it is used here")]
#[path = "common/rng.rs"]
mod rng;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

const MIB: usize = 1 << 20;

/// What the program uses, and a part of it that is plainly less.
const MUCH: usize = 64 * MIB;
const LITTLE: usize = 16 * MIB;

/// A purger that looks often, so that the tests are fast.
const OFTEN: &[(&str, &str)] = &[("PURGE_DELAY_MS", "20")];

/// Every size of block has its way back: pools of one slice and of many, and runs.
const SIZES: [usize; 5] = [64, 1000, 10_000, 100_000, 5 * MIB];

#[test]
fn memory_of_an_idle_program_comes_back() {
    // By default it takes a second or two.
    for options in [&[][..], OFTEN] {
        child::run("memory_of_an_idle_program_comes_back", options, || {
            let before = resident_bytes();
            let blocks: Vec<_> = SIZES.into_iter().flat_map(|size| use_memory(size, MUCH / 4)).collect();
            assert!(resident_bytes() > before + MUCH);
            drop(blocks);
            // From here on this program allocates nothing to speak of.
            assert!(eventually(|| resident_bytes() < before + LITTLE), "{} {before}", resident_bytes());
        })
        .assert_silent();
    }
}

#[test]
fn blocks_that_are_used_in_part_are_resident_in_part() {
    const LARGE_BYTES: usize = 16 << 10;
    child::run("blocks_that_are_used_in_part_are_resident_in_part", &[], || {
        let mut blocks = Vec::with_capacity(MUCH / LARGE_BYTES);
        // Much is in use, so that huge pages are.
        let _others: Vec<_> = (0..MUCH / 64).map(|_| Box::new([1u8; 64])).collect();
        let before = resident_bytes();
        for _ in 0..MUCH / LARGE_BYTES {
            let mut block = Vec::<u8>::with_capacity(LARGE_BYTES);
            block.push(1);
            blocks.push(block);
        }
        let grown = resident_bytes() - before;
        assert!(grown < MUCH / 2, "{grown} of {MUCH} bytes, of each {LARGE_BYTES} one");
    })
    .assert_silent();
}

/// Zeroed blocks of which the first bytes are written to, checked to be zero.
fn zeroed(bytes: usize, total: usize, used: usize) -> Vec<Vec<u8>> {
    let mut blocks: Vec<_> = (0..total / bytes).map(|_| vec![0; bytes]).collect();
    for block in &mut blocks {
        assert!(hold(&block[..used], 0));
        block[..used].fill(1);
    }
    blocks
}

#[test]
fn zeroed_blocks_that_are_hardly_used_are_hardly_resident() {
    const NAME: &str = "zeroed_blocks_that_are_hardly_used_are_hardly_resident";
    const USED: usize = 10_000;
    for bytes in [300_000, MIB, 5 * MIB] {
        child::run_prepared(
            NAME,
            STILL,
            &bytes.to_string(),
            |_| {},
            || {
                let before = resident_bytes();
                let grown = || resident_bytes().saturating_sub(before);
                for _ in 0..3 {
                    let blocks = zeroed(bytes, MUCH, USED);
                    assert!(grown() < LITTLE, "{} of {MUCH} bytes in blocks of {bytes}", grown());
                    drop(blocks);
                }
                // Those that are used are used again, and zero again.
                for _ in 0..3 {
                    drop(zeroed(bytes, MUCH, bytes));
                    assert!(grown() < MUCH + LITTLE, "{} for {MUCH} bytes in blocks of {bytes}", grown());
                }
                Cenote::check();
            },
        )
        .assert_silent();
    }
}

#[test]
fn zeroed_blocks_that_are_hardly_used_leave_memory_that_is_backed_to_others() {
    child::run("zeroed_blocks_that_are_hardly_used_leave_memory_that_is_backed_to_others", STILL, || {
        let fill = || (0..3).map(|_| vec![1_u8; 4 * MIB]).collect::<Vec<_>>();
        drop(zeroed(MIB, MUCH, 10_000));
        drop(fill());
        let before = resident_bytes();
        let tables = zeroed(MIB, LITTLE, 10_000);
        let filled = fill();
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < 6 * MIB, "{grown} for tables of {LITTLE} bytes that are hardly used");
        drop((tables, filled));
        Cenote::check();
    })
    .assert_silent();
}

#[test]
fn a_zeroed_table_is_resident_before_it_is_read() {
    child::run("a_zeroed_table_is_resident_before_it_is_read", &[], || {
        let before = resident_bytes();
        let table = vec![0_u8; MIB];
        assert!(resident_bytes() >= before + table.len());
    })
    .assert_silent();
}

#[test]
fn memory_of_ended_threads_comes_back() {
    child::run("memory_of_ended_threads_comes_back", OFTEN, || {
        let before = resident_bytes();
        let threads: Vec<_> = (0..8).map(|_| thread::spawn(|| use_and_free(500, MUCH / 8))).collect();
        threads.into_iter().for_each(|thread| thread.join().expect("the thread returns"));
        assert!(eventually(|| resident_bytes() < before + LITTLE));
    })
    .assert_silent();
}

#[test]
fn memory_that_another_thread_freed_comes_back() {
    child::run("memory_that_another_thread_freed_comes_back", OFTEN, || {
        let before = resident_bytes();
        let (end, ended) = mpsc::channel::<()>();
        let (hand_over, handed_over) = mpsc::channel();
        // It sleeps while its blocks are freed, and after.
        let owner = thread::spawn(move || {
            hand_over.send(use_memory(500, MUCH)).expect("the main thread waits");
            ended.recv().expect("the main thread says so");
        });
        drop(handed_over.recv().expect("the owner sends"));
        assert!(eventually(|| resident_bytes() < before + LITTLE));
        end.send(()).expect("the owner waits");
        owner.join().expect("the thread returns");
    })
    .assert_silent();
}

#[test]
fn memory_of_a_dropped_heap_comes_back() {
    child::run("memory_of_a_dropped_heap_comes_back", OFTEN, || {
        use allocator_api2::vec::Vec;
        let before = resident_bytes();
        let heap = cenote::Heap::new();
        let mut blocks = std::vec::Vec::new();
        for _ in 0..MUCH / 1000 {
            let mut block = Vec::with_capacity_in(1000, &heap);
            block.resize(1000, 1_u8);
            blocks.push(block);
        }
        blocks.into_iter().for_each(std::mem::forget);
        assert!(resident_bytes() > before + MUCH / 2);
        drop(heap);
        assert!(eventually(|| resident_bytes() < before + LITTLE));
    })
    .assert_silent();
}

#[test]
fn purge_gives_back_at_once() {
    child::run("purge_gives_back_at_once", STILL, || {
        for size in SIZES {
            let before = resident_bytes();
            use_and_free(size, MUCH);
            assert!(resident_bytes() > before + MUCH / 2);
            let purged = Cenote::purge();
            assert!(purged >= MUCH * 9 / 10, "{purged} of blocks of {size}");
            assert!(resident_bytes() < before + MIB * 2, "{} {before}", resident_bytes());
            assert_eq!(Cenote::stats().dirty_bytes, 0);
        }
    })
    .assert_silent();
}

#[test]
fn purge_gives_back_what_other_threads_freed_or_left() {
    child::run("purge_gives_back_what_other_threads_freed_or_left", STILL, || {
        let before = resident_bytes();
        let blocks = thread::spawn(|| use_memory(500, MUCH)).join().expect("the thread returns");
        thread::spawn(|| drop(blocks)).join().expect("the thread returns");
        Cenote::purge();
        assert!(resident_bytes() < before + LITTLE, "{} {before}\n{}", resident_bytes(), Cenote::stats());
    })
    .assert_silent();
}

/// One block in twenty stays. Its pool does too, and few pools are without any; but most of their OS pages are.
fn leave_survivors(size: usize) -> Vec<Box<[u8]>> {
    let mut random = SplitMix64(1);
    use_memory(size, MUCH).into_iter().filter(|_| random.below(20) == 0).collect()
}

#[test]
fn free_pages_between_survivors_go_back() {
    // Sixteen blocks of 256 bytes are an OS page of 4 KiB, and none of them survives in four of nine.
    for size in ["256", "1024", "3000"] {
        let blocks = || leave_survivors(size.parse().expect("a number"));
        let name = "free_pages_between_survivors_go_back";
        child::run(name, &[("PURGE", "off"), ("RETAIN", size)], || {
            let before = resident_bytes();
            let survivors = blocks();
            let purged = Cenote::purge();
            assert!(purged > MUCH / 4, "{purged}\n{}", Cenote::stats());
            assert!(resident_bytes() < before + MUCH - MUCH / 5);
            assert!(survivors.iter().all(|block| hold(block, block[0])));
            // What was purged can be used again.
            let again = use_memory(survivors[0].len(), MUCH);
            assert!(again.iter().all(|block| hold(block, block[0])));
            Cenote::check();
        })
        .assert_silent();
        child::run(name, &[("PURGE_DELAY_MS", "20"), ("RETAIN", size)], || {
            let before = resident_bytes();
            let survivors = blocks();
            assert!(eventually(|| resident_bytes() < before + MUCH - MUCH / 5));
            assert!(survivors.iter().all(|block| hold(block, block[0])));
        })
        .assert_silent();
    }
}

#[test]
fn what_went_back_while_its_pool_was_in_use_does_not_go_back_again() {
    const FEW: usize = 64;
    child::run("what_went_back_while_its_pool_was_in_use_does_not_go_back_again", STILL, || {
        let few: Vec<_> = use_memory(1024, MUCH).into_iter().step_by(FEW).collect();
        let purged = Cenote::purge();
        assert!(purged > MUCH / 2, "{purged}\n{}", Cenote::stats());
        drop(few);
        let purged = Cenote::purge();
        assert!((1..MUCH / 2).contains(&purged), "{purged}\n{}", Cenote::stats());
        assert_eq!(Cenote::stats().dirty_bytes, 0);
    })
    .assert_silent();
}

#[test]
fn what_is_purged_reads_as_anything_but_keeps_its_neighbours() {
    child::run("what_is_purged_reads_as_anything_but_keeps_its_neighbours", STILL, || {
        let mut kept = Vec::new();
        for round in 0..5 {
            for size in [16, 200, 2000, 6000, 40_000, 300_000] {
                let blocks = use_memory(size, 4 * MIB);
                kept.extend(blocks.into_iter().skip(round).step_by(7));
            }
            Cenote::purge();
            assert!(kept.iter().all(|block| hold(block, block[0])));
            Cenote::check();
            let third = kept.len() / 3;
            kept.truncate(2 * third);
        }
    })
    .assert_silent();
}

/// The purger's threads: those that were not there before.
fn purger(before: usize) -> bool {
    threads() > before
}

#[test]
fn the_purger_ends_when_there_is_nothing_to_do() {
    child::run("the_purger_ends_when_there_is_nothing_to_do", OFTEN, || {
        let before = threads();
        for _ in 0..3 {
            use_and_free(1000, MUCH);
            assert!(purger(before), "much was freed");
            assert!(eventually(|| !purger(before)));
            let purged = Cenote::stats().purged_bytes;
            // It is gone for good, as long as nobody frees.
            thread::sleep(Duration::from_millis(200));
            assert!(!purger(before));
            assert_eq!(Cenote::stats().purged_bytes, purged);
        }
    })
    .assert_silent();
}

#[test]
fn a_program_that_frees_little_has_no_purger() {
    child::run("a_program_that_frees_little_has_no_purger", OFTEN, || {
        let before = threads();
        use_and_free(100, 100_000);
        thread::sleep(Duration::from_millis(100));
        assert!(!purger(before));
    })
    .assert_silent();
}

#[test]
fn the_purger_blocks_all_signals() {
    /// Those that can be blocked: the kernel takes no notice of the others, and the C library keeps two or three for itself.
    const BLOCKABLE: u64 = !(1 << (libc::SIGKILL - 1) | 1 << (libc::SIGSTOP - 1) | 0b111 << 31);

    let tasks = || -> Vec<String> {
        let tasks = fs::read_dir("/proc/self/task").expect("Linux has tasks");
        tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("status")).ok()).collect()
    };
    let blocked = |status: &String| {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).expect("Linux tells of masks");
        u64::from_str_radix(mask.trim(), 16).expect("a mask is hexadecimal")
    };
    child::run("the_purger_blocks_all_signals", &[("PURGE_DELAY_MS", "500")], || {
        // The thread that made this one has its signals blocked until it is done with that.
        assert!(eventually(|| tasks().iter().all(|status| blocked(status) & BLOCKABLE == 0)));
        let before = tasks().len();
        use_and_free(1000, MUCH);
        let purgers = tasks().iter().filter(|status| blocked(status) & BLOCKABLE == BLOCKABLE).count();
        assert_eq!(purgers, 1);
        assert_eq!(tasks().len(), before + 1);
    })
    .assert_silent();
}

#[test]
fn the_purger_leaves_signals_to_the_program() {
    child::run("the_purger_leaves_signals_to_the_program", OFTEN, || {
        extern "C" fn handle(_: libc::c_int) {}
        // SAFETY: the handler does nothing.
        unsafe { libc::signal(libc::SIGALRM, handle as *const () as libc::sighandler_t) };
        for _ in 0..20 {
            use_and_free(1000, 4 * MIB);
            // SAFETY: no preconditions. The signal is handled by any thread that does not block it.
            unsafe { libc::kill(libc::getpid(), libc::SIGALRM) };
        }
        assert!(eventually(|| Cenote::stats().dirty_bytes <= LITTLE));
    })
    .assert_silent();
}

#[test]
fn fork_while_the_purger_runs() {
    child::run("fork_while_the_purger_runs", &[("PURGE_DELAY_MS", "1"), ("RETAIN", "0")], || {
        for round in 0..30 {
            use_and_free(1000 + round, 8 * MIB);
            // SAFETY: this thread is the only one besides the purger, so the child may do what any program may.
            let child = unsafe { libc::fork() };
            assert!(child >= 0);
            if child == 0 {
                // The child has no purger, and gets one of its own.
                let ok = threads() == 1 && {
                    use_and_free(1000, 8 * MIB);
                    Cenote::check();
                    eventually(|| Cenote::stats().dirty_bytes == 0)
                };
                // SAFETY: no preconditions; the rest of the program is the parent's.
                unsafe { libc::_exit(if ok { 0 } else { 1 }) };
            }
            let mut status = -1;
            // SAFETY: `status` is a valid place to write to.
            unsafe { libc::waitpid(child, &mut status, 0) };
            assert_eq!(status, 0, "round {round}");
        }
        assert!(eventually(|| Cenote::stats().dirty_bytes == 0));
        Cenote::check();
    })
    .assert_silent();
}
