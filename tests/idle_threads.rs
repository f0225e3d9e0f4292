//! What an idle thread has at hand comes back, without its help, and the thread goes on as if nothing had happened.

#![cfg(not(feature = "passthrough"))]

use cenote::{Cenote, Stats};
use parcel::Parcel;
use process::{eventually, threads, use_and_free, use_memory};
use resident::resident_bytes;
use rng::SplitMix64;
use std::hint::black_box;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

#[path = "common/child.rs"]
mod child;
#[path = "common/parcel.rs"]
#[allow(dead_code, reason = "not all of it is used here")]
mod parcel;
#[path = "common/pattern.rs"]
mod pattern;
#[path = "common/process.rs"]
mod process;
#[path = "common/resident.rs"]
mod resident;
#[path = "common/rng.rs"]
#[allow(dead_code, reason = "as above")]
mod rng;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

const MIB: usize = 1 << 20;

/// A size for each of forty classes.
fn sizes() -> impl Iterator<Item = usize> {
    (1..=16).map(|step| step * 16).chain((0..24).map(|step| (8 + step % 8) << (5 + step / 8)))
}

/// Takes blocks of all sizes, two mebibytes of each, and frees them in random order: those that are freed last, which a thread keeps
/// at hand, lie on as many OS pages as there are.
fn use_much() {
    const BYTES: usize = 2 * MIB;
    let mut random = SplitMix64(1);
    for size in sizes() {
        let mut blocks: Vec<_> = (0..BYTES / size).map(|_| Parcel::make(size, 8, random.next())).collect();
        while !blocks.is_empty() {
            let block = blocks.swap_remove(random.below(blocks.len()));
            // SAFETY: it was made above, and nobody else has it.
            unsafe { Parcel::open(block) };
        }
    }
}

struct Before {
    resident: usize,
    threads: usize,
}

/// Plays, in a program with these options, a thread that uses much memory and then has `idle` called until it is told to end
/// and uses much again. Meanwhile `check` runs, which is told how the program was before.
fn with_idle_thread(test: &str, options: &[(&str, &str)], idle: fn(), check: fn(Before)) {
    child::run(test, options, || {
        let before = Before { resident: resident_bytes(), threads: threads() };
        let (report, reported) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let idler = thread::spawn(move || {
            use_much();
            report.send(()).expect("the main thread waits");
            while ended.recv_timeout(Duration::from_millis(1)) == Err(mpsc::RecvTimeoutError::Timeout) {
                idle();
            }
            use_much();
        });
        reported.recv().expect("the thread reports");
        check(before);
        drop(end);
        idler.join().expect("the thread returns");
        Cenote::check();
    })
    .assert_silent();
}

/// A purger that looks often and keeps nothing.
const OFTEN: &[(&str, &str)] = &[("PURGE_DELAY_MS", "20"), ("RETAIN", "0")];
const OFTEN_LEAN: &[(&str, &str)] = &[("PURGE_DELAY_MS", "20"), ("RETAIN", "0"), ("LEAN", "1")];

/// What may stay: two blocks of each class, on an OS page each, and what describes them.
const LITTLE: usize = 3 * MIB;
const LITTLE_CACHED: usize = 1 << 20;

fn comes_back(before: Before) {
    assert!(eventually(|| Cenote::stats().cached_bytes < LITTLE_CACHED), "{}", Cenote::stats());
    assert!(eventually(|| resident_bytes() < before.resident + LITTLE), "{} {}", resident_bytes(), before.resident);
    assert!(eventually(|| threads() == before.threads + 1), "there is the idle thread alone, and no purger any more");
}

#[test]
fn what_a_sleeping_thread_has_at_hand_comes_back() {
    for options in [OFTEN, OFTEN_LEAN] {
        with_idle_thread("what_a_sleeping_thread_has_at_hand_comes_back", options, || {}, comes_back);
    }
}

#[test]
fn what_a_thread_has_at_hand_comes_back_although_it_allocates_now_and_then() {
    fn pairs() {
        // A lean program's larger blocks come from the pools, where each is something to look after.
        for size in sizes().filter(|&size| size <= 512) {
            drop(black_box(Vec::<u8>::with_capacity(size)));
        }
    }
    for options in [OFTEN, OFTEN_LEAN] {
        let name = "what_a_thread_has_at_hand_comes_back_although_it_allocates_now_and_then";
        with_idle_thread(name, options, pairs, comes_back);
    }
}

#[test]
fn purge_gives_back_what_a_sleeping_thread_has_at_hand() {
    let name = "purge_gives_back_what_a_sleeping_thread_has_at_hand";
    with_idle_thread(
        name,
        &[("PURGE", "off")],
        || {},
        |before| {
            Cenote::purge();
            assert!(Cenote::stats().cached_bytes < LITTLE_CACHED, "{}", Cenote::stats());
            assert!(resident_bytes() < before.resident + LITTLE, "{} {}", resident_bytes(), before.resident);
        },
    );
}

#[test]
fn a_thread_that_grows_gets_what_a_sleeping_one_keeps_beside_what_it_has_at_hand() {
    const ROUNDS: usize = 20;
    let name = "a_thread_that_grows_gets_what_a_sleeping_one_keeps_beside_what_it_has_at_hand";
    for options in [&[("PURGE", "off"), ("HUGE_PAGES", "0")], &[("PURGE", "off"), ("HUGE_PAGES", "1")]] {
        child::run(name, options, || {
            let (report, reported) = mpsc::channel();
            let (end, ended) = mpsc::channel::<()>();
            let sleeper = thread::spawn(move || {
                for _ in 0..ROUNDS {
                    sizes().for_each(|size| use_and_free(size, MIB));
                }
                report.send(()).expect("the main thread waits");
                let _ = ended.recv();
                use_much();
            });
            reported.recv().expect("the thread reports");
            let before = Cenote::stats().cached_bytes;
            let growth = use_memory(4000, 64 * MIB);
            let after = Cenote::stats().cached_bytes;
            assert!(after < before / 2, "{before} bytes before, {after} after\n{}", Cenote::stats());
            drop(end);
            sleeper.join().expect("the thread returns");
            assert!(growth.iter().all(|block| process::hold(block, block[0])));
            Cenote::check();
        })
        .assert_silent();
    }
}

#[test]
fn a_thread_that_ends_when_much_was_taken_from_it_leaves_the_rest_to_the_next() {
    let name = "a_thread_that_ends_when_much_was_taken_from_it_leaves_the_rest_to_the_next";
    child::run(name, &[("PURGE", "off")], || {
        for _ in 0..3 {
            let (report, reported) = mpsc::channel();
            let (end, ended) = mpsc::channel::<()>();
            let thread = thread::spawn(move || {
                use_much();
                report.send(()).expect("the main thread waits");
                ended.recv().expect_err("the main thread sends nothing");
            });
            reported.recv().expect("the thread reports");
            Cenote::purge();
            drop(end);
            thread.join().expect("the thread returns");
        }
        let Stats { cached_bytes, heaps, .. } = Cenote::stats();
        assert!(cached_bytes < LITTLE_CACHED && heaps <= 4, "{cached_bytes} {heaps}");
        Cenote::check();
    })
    .assert_silent();
}

/// From now on the system refuses `membarrier` to this thread and those that it starts.
fn refuse_barriers() {
    let [load, compare, result] = [
        libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
        libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
        libc::BPF_RET | libc::BPF_K,
    ];
    // SAFETY: these fill in a structure each.
    let mut rules = unsafe {
        [
            libc::BPF_STMT(load as u16, mem::offset_of!(libc::seccomp_data, nr) as u32),
            libc::BPF_JUMP(compare as u16, libc::SYS_membarrier as u32, 0, 1),
            libc::BPF_STMT(result as u16, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
            libc::BPF_STMT(result as u16, libc::SECCOMP_RET_ALLOW),
        ]
    };
    let filter = libc::sock_fprog { len: rules.len() as u16, filter: rules.as_mut_ptr() };
    // SAFETY: the filter and its rules live.
    let installed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) == 0
    };
    assert!(installed);
}

#[test]
fn where_the_system_refuses_barriers_a_sleeping_thread_keeps_what_it_has_at_hand() {
    let name = "where_the_system_refuses_barriers_a_sleeping_thread_keeps_what_it_has_at_hand";
    with_idle_thread(
        name,
        &[("PURGE", "off")],
        || {},
        |_| {
            refuse_barriers();
            let cached = Cenote::stats().cached_bytes;
            assert!(cached > LITTLE_CACHED);
            Cenote::purge();
            assert!(Cenote::stats().cached_bytes > LITTLE_CACHED);
        },
    );
}

/// Takes and frees parcels in short bursts that stay within what a thread has at hand, most of them, and rests now and then.
fn work_in_bursts(seed: u64, rounds: usize) {
    let mut random = SplitMix64(seed);
    let mut mine = Vec::new();
    for _ in 0..rounds {
        let size = 48 + random.below(20) * 16;
        let most = if random.below(50) == 0 { 300 } else { 12 };
        for _ in 0..random.below(most) {
            mine.push(Parcel::make(size, 8, random.next()));
        }
        while mine.len() > random.below(40) {
            let parcel = mine.swap_remove(random.below(mine.len()));
            // SAFETY: it was made above, and nobody else has it.
            unsafe { Parcel::open(parcel) };
        }
        // Whoever takes from this thread is interrupted when it wakes, wherever that one is, even on a single processor.
        if random.below(20) == 0 {
            thread::sleep(Duration::from_micros(random.below(100) as u64));
        }
    }
    for parcel in mine {
        // SAFETY: as above.
        unsafe { Parcel::open(parcel) };
    }
}

#[test]
fn threads_that_work_in_bursts_keep_their_blocks_while_others_are_taken_from_them() {
    const THREADS: u64 = 4;
    const ROUNDS: usize = 60_000;
    let name = "threads_that_work_in_bursts_keep_their_blocks_while_others_are_taken_from_them";
    child::run(name, &[("PURGE_DELAY_MS", "1"), ("RETAIN", "0")], || {
        static DONE: AtomicBool = AtomicBool::new(false);
        thread::scope(|scope| {
            // Beside the purger, which looks for idle threads, somebody who takes from all of them.
            let taker = scope.spawn(|| {
                // ORDERING: Relaxed: nothing is read through it.
                while !DONE.load(Ordering::Relaxed) {
                    Cenote::purge();
                }
            });
            let workers: Vec<_> = (0..THREADS).map(|seed| scope.spawn(move || work_in_bursts(seed, ROUNDS))).collect();
            let ended: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
            // ORDERING: Relaxed: as above.
            DONE.store(true, Ordering::Relaxed);
            taker.join().expect("the thread returns");
            assert!(ended.iter().all(Result::is_ok));
        });
        Cenote::check();
    })
    .assert_silent();
}
