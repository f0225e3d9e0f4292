//! Gives memory back that nobody needs any more, without being called: a thread that exists only while there is
//! something to watch.
//!
//! Whoever gives memory to the pools, to a depot or to the arenas reports it in large steps; when enough was reported
//! and no purger runs, the reporter starts one. Each tick the purger looks at everything once, in address order: what
//! nobody touched between two ticks is idle. Idle magazines are flushed, those of a thread that sleeps undercut, idle
//! empty pools go back to their arenas, free OS pages of idle pools and slices that stayed free are purged, down to a
//! budget. When a few ticks found nothing to do the thread ends. It blocks all signals, holds a lock for a few pools at a
//! time, and correctness never depends on it.
//! A [`Watch`] holds the bytes reported and whether a purger runs.
//!
//! In a program without threads of its own it also ends before a fork, after which some look for threads (CPython warns).
//! The thread that forks does its work then, as whatever is left free would have to be copied at its next use anyway.

use super::{init, settings};
use crate::base::config::*;
use crate::base::purge_mode::PurgeMode;
use crate::heap::magazine;
use crate::heap::{self, ARENAS, heap_at};
use crate::os;
use crate::pool::{self, Kind};
use crate::sync::{AtomicU32, Lock, Ordering, Watch, undercut};
use core::ffi::c_void;
use core::time::Duration;

static WATCH: Watch = Watch::new();
/// Held during each step of a pass: a fork waits for it, so that no slice is out of the arenas' hands in the child.
static PASS: Lock<()> = Lock::new(());
/// One while the purger is to end because of a fork.
static LEAVE: AtomicU32 = AtomicU32::new(0);
/// The system's number of the last purger's thread; zero before the first.
static NUMBER: AtomicU32 = AtomicU32::new(0);
/// In place of [`NUMBER`]: the thread has not begun to run.
const STARTING: u32 = u32::MAX;

/// Reports that `bytes` were given back to pools, depots or arenas. The caller holds no lock.
pub(crate) fn note(bytes: usize) {
    let (reported, running) = WATCH.report(bytes);
    match settings::purge_mode() {
        PurgeMode::Thread if !running && reported >= WAKE_BYTES => start(),
        PurgeMode::Inline if reported >= settings::retain_bytes().unwrap_or(RETAIN_MIN_BYTES).max(WAKE_BYTES) => {
            WATCH.take();
            pass(true);
        }
        _ => {}
    }
}

fn start() {
    if !WATCH.start() {
        return;
    }
    // ORDERING: Relaxed: only for a fork by this thread, which must wait for the thread that it started.
    NUMBER.store(STARTING, Ordering::Relaxed);
    if !os::spawn_detached(run) {
        // ORDERING: Relaxed: as above.
        NUMBER.store(0, Ordering::Relaxed);
        // No thread to be had: as in `Inline`. What is reported meanwhile waits for the next report.
        WATCH.take();
        pass(true);
        WATCH.abandon();
    }
}

extern "C" fn run(_: *mut c_void) -> *mut c_void {
    /// Ticks without work before the thread ends.
    const PATIENCE: u32 = 2;
    // ORDERING: Relaxed: replaces what its starter wrote, in the order of the word; nothing is read through it.
    NUMBER.store(os::thread_number(), Ordering::Relaxed);
    let mut idle = 0;
    loop {
        os::sleep_while(&LEAVE, 0, settings::purge_delay());
        if leaving() {
            WATCH.abandon();
            return core::ptr::null_mut();
        }
        let reported = WATCH.take();
        let pending = settings::purge_mode() == PurgeMode::Thread && pass(false).pending;
        idle = if pending || reported > 0 { 0 } else { idle + 1 };
        if idle == 1 {
            let _step = PASS.lock();
            magazine::purge_unused();
        }
        if idle >= PATIENCE && WATCH.end() {
            return core::ptr::null_mut();
        }
    }
}

/// Whether the purger is to end because of a fork.
fn leaving() -> bool {
    // ORDERING: Relaxed: nothing is read through it.
    LEAVE.load(Ordering::Relaxed) != 0
}

/// Before a fork. If the purger is the only thread beside the caller's, makes it end, waits until it is gone, and gives back
/// what it would have. The caller holds no lock.
pub(super) fn leave() {
    /// How long to sleep between two looks.
    const LOOK: Duration = Duration::from_micros(50);
    /// Looks after which the fork goes on: the system may have given the number to another thread.
    const LOOKS: u32 = 1 << 12;
    // ORDERING: Relaxed (both): nothing is read through them.
    let runs = || match NUMBER.load(Ordering::Relaxed) {
        0 => false,
        number => number == STARTING || os::has_thread(number),
    };
    if !runs() || os::thread_count() != Some(2) {
        return;
    }
    LEAVE.store(1, Ordering::Relaxed);
    os::wake(&LEAVE);
    for _ in 0..LOOKS {
        if !runs() {
            break;
        }
        os::sleep(LOOK);
    }
    // ORDERING: Relaxed: as above. Not to wait for that number again.
    NUMBER.store(0, Ordering::Relaxed);
    WATCH.take();
    pass(true);
}

/// After [`leave`]: purgers may start again.
pub(super) fn may_return() {
    // ORDERING: Relaxed: nothing is read through it.
    LEAVE.store(0, Ordering::Relaxed);
}

/// What a pass did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pass {
    pub(crate) purged_bytes: usize,
    /// Whether something may be idle at the next pass that was not at this one.
    pub(crate) pending: bool,
}

/// Looks at everything once. With `all`, what is free counts as idle, and nothing is kept.
pub(crate) fn pass(all: bool) -> Pass {
    let mut result = Pass::default();
    if !init::is_done() {
        return result;
    }
    undercut::prepare();
    if all {
        // Much of that may be other heaps', and so go by their mailboxes.
        heap::for_each(|heap| {
            let _step = PASS.lock();
            let mut inner = heap.inner.lock();
            inner.undercut();
            inner.retire_cache();
        });
    }
    heap::for_each(|heap| {
        let _step = PASS.lock();
        let mut inner = heap.inner.lock();
        if all {
            inner.retire_cache();
        } else {
            result.pending |= inner.tend_cache();
        }
    });
    let slices = pool::WORDS.ready();
    let mut slice = 0;
    while slice < slices && (all || !leaving()) {
        match pool::word_of(slice).kind() {
            Kind::Pool(_) => tend_pools(&mut slice, slices, all, &mut result),
            _ => slice += 1,
        }
    }
    let counts = ARENAS.counts();
    let keep = if all { 0 } else { retain_slices(counts.used_slices) };
    let mut below = u32::MAX;
    while all || !leaving() {
        let _step = PASS.lock();
        let Some(purged) = ARENAS.purge_run(&mut below, keep, all) else { break };
        result.purged_bytes += purged * SLICE_BYTES;
    }
    if all {
        let _step = PASS.lock();
        result.purged_bytes += magazine::purge_unused();
    } else {
        ARENAS.age();
        result.pending |= ARENAS.counts().dirty_slices > keep;
    }
    result
}

/// Looks after some pools of one heap, from `slice` on, which is moved past them.
fn tend_pools(slice: &mut u32, end: u32, all: bool, result: &mut Pass) {
    /// Pools looked at before the heap's lock is let go.
    const STRIDE: u32 = 32;
    let _step = PASS.lock();
    let owner = pool::word_of(*slice).owner();
    let mut inner = heap_at(owner).inner.lock();
    for _ in 0..STRIDE {
        if *slice >= end {
            return;
        }
        // Under the lock, what the words say of this heap's pools holds.
        let word = pool::word_of(*slice);
        match word.kind() {
            Kind::Pool(_) if word.owner() == owner => {
                let first = *slice - word.offset();
                // SAFETY: the pool is this heap's, whose lock is held.
                *slice = first + unsafe { pool::pool_at(first) }.slices();
                let (bytes, pending) = inner.tend(first, all);
                result.purged_bytes += bytes;
                result.pending |= pending;
            }
            Kind::Pool(_) => return,
            _ => *slice += 1,
        }
    }
}

/// The least and the most that is kept by default, and the share of what is in use.
const RETAIN_MIN_BYTES: usize = 1 << 20;
const RETAIN_MAX_BYTES: usize = 64 << 20;
const RETAIN_SHARE: usize = 16;

/// Free slices to keep although they are idle, with `used` in use.
fn retain_slices(used: usize) -> usize {
    let by_share = (used * SLICE_BYTES / RETAIN_SHARE).clamp(RETAIN_MIN_BYTES, RETAIN_MAX_BYTES);
    settings::retain_bytes().unwrap_or(by_share) / SLICE_BYTES
}

/// In the child of a fork: there is no purger.
pub(super) fn forget_thread() {
    // ORDERING: Relaxed: the child has one thread.
    NUMBER.store(0, Ordering::Relaxed);
    WATCH.abandon();
}

/// For the fork handlers.
pub(super) fn pass_lock() -> &'static Lock<()> {
    &PASS
}
