//! A child process of a program whose threads are in the middle of allocating has a working allocator.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use cenote::Cenote;

use parcel::{Exchange, Parcel};
use rng::SplitMix64;

#[path = "common/parcel.rs"]
mod parcel;
#[path = "common/pattern.rs"]
mod pattern;
#[path = "common/rng.rs"]
mod rng;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

const PLACES: usize = 256;
const MAX_BYTES: usize = 50_000;

/// A process that hangs so long is killed, which fails the test.
const PARENT_SECONDS: u32 = 240;
const CHILD_SECONDS: u32 = 60;

const CHILD_FAILED: i32 = 101;

/// Kills the process if it hangs. There is one alarm to a process, so the tests take turns.
struct Watchdog {
    _turn: MutexGuard<'static, ()>,
}

impl Watchdog {
    fn set() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: no precondition; nobody handles the signal.
        unsafe { libc::alarm(PARENT_SECONDS) };
        Self { _turn: turn }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // SAFETY: no precondition.
        unsafe { libc::alarm(0) };
    }
}

/// Runs `child` in a child process, and panics unless that ends well.
fn in_child(child: impl FnOnce()) {
    // SAFETY: the child allocates and makes threads, which POSIX leaves undefined after a fork of several
    // threads and glibc allows; it leaves by `_exit`, without going through the test harness.
    match unsafe { libc::fork() } {
        0 => {
            // SAFETY: no precondition.
            unsafe { libc::alarm(CHILD_SECONDS) };
            let ended = catch_unwind(AssertUnwindSafe(child));
            // SAFETY: no precondition.
            unsafe { libc::_exit(if ended.is_ok() { 0 } else { CHILD_FAILED }) }
        }
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        pid => {
            let mut status = 0;
            // SAFETY: `status` is a live local.
            let waited = unsafe { libc::waitpid(pid, &mut status, 0) };
            assert_eq!(waited, pid);
            assert!(!libc::WIFSIGNALED(status), "the child died of signal {}", libc::WTERMSIG(status));
            assert_eq!(libc::WEXITSTATUS(status), 0, "the child failed");
        }
    }
}

/// Leaves random parcels on the exchange, and opens those of others.
fn trade(exchange: &Exchange<PLACES>, random: &mut SplitMix64, times: usize) {
    for _ in 0..times {
        let parcel = Parcel::make(random.size(MAX_BYTES), 1 << random.below(8), random.next());
        exchange.trade(random.below(PLACES), parcel);
    }
}

/// A thread of the system's. The standard library's own allocate, as they start, under a lock of that library: a fork at that
/// moment leaves the lock taken in the child, where the next such thread would wait for ever.
struct PlainThread(libc::pthread_t);

impl PlainThread {
    fn spawn(body: impl FnOnce() + Send + 'static) -> Self {
        extern "C" fn run(body: *mut c_void) -> *mut c_void {
            // SAFETY: `spawn` made it of such a box, for this thread alone.
            let body = unsafe { Box::from_raw(body.cast::<Box<dyn FnOnce() + Send>>()) };
            body();
            ptr::null_mut()
        }
        let body: Box<Box<dyn FnOnce() + Send>> = Box::new(Box::new(body));
        let mut thread = MaybeUninit::uninit();
        // SAFETY: `thread` is a live local; `run` may be called with the box, once.
        let result = unsafe { libc::pthread_create(thread.as_mut_ptr(), ptr::null(), run, Box::into_raw(body).cast()) };
        assert_eq!(result, 0, "a thread can be had");
        // SAFETY: written by the call, which was successful.
        Self(unsafe { thread.assume_init() })
    }

    fn join(self) {
        // SAFETY: the thread is joinable and this is the only one who joins it.
        assert_eq!(unsafe { libc::pthread_join(self.0, ptr::null_mut()) }, 0);
    }
}

/// What every child does: uses what it inherited, alone and in a thread of its own.
fn live(exchange: &'static Exchange<PLACES>, seed: u64) {
    trade(exchange, &mut SplitMix64(seed), 300);
    let thread = thread::spawn(move || trade(exchange, &mut SplitMix64(seed + 1), 300));
    trade(exchange, &mut SplitMix64(seed + 2), 300);
    thread.join().expect("the child's thread does not panic");
    exchange.clear();
}

/// What a thread does over and over.
type Work<'a> = &'a (dyn Fn(&mut SplitMix64) + Sync);

/// Forks again and again beside threads each of which does one of `works` over and over.
fn fork_beside(exchange: &'static Exchange<PLACES>, works: &[Work<'_>]) {
    let _watchdog = Watchdog::set();
    let stop = AtomicBool::new(false);
    let started = Barrier::new(works.len() + 1);
    thread::scope(|scope| {
        for (seed, work) in works.iter().enumerate() {
            let (stop, started) = (&stop, &started);
            scope.spawn(move || {
                let mut random = SplitMix64(seed as u64);
                started.wait();
                // ORDERING: the flag carries nothing but itself.
                while !stop.load(Ordering::Relaxed) {
                    work(&mut random);
                }
            });
        }
        // See `PlainThread`.
        started.wait();
        let forks = catch_unwind(|| {
            for seed in 0..150 {
                in_child(|| live(exchange, seed));
            }
        });
        // ORDERING: the flag carries nothing but itself.
        stop.store(true, Ordering::Relaxed);
        forks.expect("all children end well");
    });
    exchange.clear();
    Cenote::check();
}

#[test]
fn fork_while_other_threads_allocate() {
    static EXCHANGE: Exchange<PLACES> = Exchange::new();
    let work: Work<'_> = &|random| trade(&EXCHANGE, random, 20);
    fork_beside(&EXCHANGE, &[work; 4]);
}

#[test]
fn fork_while_blocks_are_taken_from_other_threads() {
    static EXCHANGE: Exchange<PLACES> = Exchange::new();
    let rest_and_work: Work<'_> = &|random| {
        thread::sleep(Duration::from_micros(100));
        trade(&EXCHANGE, random, 20);
    };
    let take: Work<'_> = &|_| {
        Cenote::purge();
        thread::sleep(Duration::from_micros(500));
    };
    fork_beside(&EXCHANGE, &[rest_and_work, rest_and_work, take]);
}

#[test]
fn fork_while_threads_come_and_go() {
    static EXCHANGE: Exchange<PLACES> = Exchange::new();
    let _watchdog = Watchdog::set();
    for seed in 0..100 {
        let threads: Vec<_> =
            (0..3).map(|i| PlainThread::spawn(move || trade(&EXCHANGE, &mut SplitMix64(seed + i), 30))).collect();
        in_child(|| live(&EXCHANGE, seed));
        threads.into_iter().for_each(PlainThread::join);
    }
    EXCHANGE.clear();
    Cenote::check();
}

#[test]
fn a_child_forks_again() {
    static EXCHANGE: Exchange<PLACES> = Exchange::new();
    let _watchdog = Watchdog::set();
    trade(&EXCHANGE, &mut SplitMix64(0), 500);
    for seed in 0..10 {
        in_child(|| {
            live(&EXCHANGE, seed);
            trade(&EXCHANGE, &mut SplitMix64(seed), 300);
            in_child(|| live(&EXCHANGE, seed));
            EXCHANGE.clear();
        });
    }
    EXCHANGE.clear();
    Cenote::check();
}

/// CPython, for one, warns of a fork by a process that has threads.
#[test]
fn a_program_without_threads_has_none_when_it_forks() {
    /// The threads of this process, as the system counts them.
    fn threads() -> usize {
        std::fs::read_dir("/proc/self/task").expect("the system lists threads").count()
    }
    let _watchdog = Watchdog::set();
    // The harness has threads; a child has only the one that forked.
    in_child(|| {
        for _ in 0..5 {
            drop((0..200).map(|_| vec![1_u8; 100_000]).collect::<Vec<_>>());
            in_child(|| assert_eq!(threads(), 1));
            assert_eq!(threads(), 1, "in the parent, after the fork");
        }
        drop((0..200).map(|_| vec![1_u8; 100_000]).collect::<Vec<_>>());
        // The purger is there again: freeing gives memory back as before.
        assert_eq!(threads(), 2, "after the last blocks were freed");
    });
}
