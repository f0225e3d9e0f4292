//! The field's benchmarks, written anew from their published descriptions.
//!
//! Each header says what it imitates, where that is described, how it differs, and what its number cannot show. All of
//! them divide a fixed amount of work among their threads, where the originals give each thread a fixed amount or run for
//! a fixed time: wall time then falls with the threads as far as the allocator and the machine let it. Blocks have at least
//! 16 bytes, since they carry a pattern at both ends.

mod alloc_test;
mod barnes;
mod bignum;
mod cfrac;
mod espresso;
mod false_sharing;
mod glibc_simple;
mod glibc_thread;
mod larson;
mod mleak;
mod mstress;
mod rptest;
mod sh6bench;
mod sh8bench;
mod xmalloc;

use crate::{Pass, Setting, Workload};
use cenote_bench_protocol::Group;

/// A workload of one thread.
const fn single(name: &'static str, about: &'static str, prepare: fn(&Setting) -> Pass) -> Workload {
    Workload::single(Group::Field, name, about, prepare)
}

/// A workload of any number of threads.
const fn threaded(name: &'static str, about: &'static str, prepare: fn(&Setting) -> Pass) -> Workload {
    Workload { scales: true, threads: 2, ..single(name, about, prepare) }
}

/// One of the representatives that `--quick` runs.
const fn quick(workload: Workload) -> Workload {
    Workload { quick: true, ..workload }
}

/// The workloads of this group.
pub const WORKLOADS: &[Workload] = &[
    quick(threaded("larson", "sessions of a server outlive the threads that serve them", larson::prepare)),
    quick(threaded("xmalloc", "some threads only take, others only free", xmalloc::prepare)),
    quick(threaded("mstress", "phases of threads, objects that outlive and change them", mstress::prepare)),
    quick(threaded("rptest", "16 B to 16 kB at random, some given to other threads", rptest::prepare)),
    threaded("sh6bench", "small blocks freed partly in reverse, partly in order", sh6bench::prepare),
    threaded("sh8bench", "the same with blocks that other threads free", sh8bench::prepare),
    quick(threaded("alloc-test", "Pareto sizes up to 1 KiB at Pareto places, read and written", alloc_test::prepare)),
    threaded("cache-scratch", "writes to tiny objects that replace ones given away", |s| {
        false_sharing::prepare(s, false_sharing::Kind::Passive)
    }),
    threaded("cache-thrash", "writes to tiny objects that threads take side by side", |s| {
        false_sharing::prepare(s, false_sharing::Kind::Active)
    }),
    single("glibc-simple", "25 to 1600 blocks of 128 bytes taken, then freed", glibc_simple::prepare),
    threaded("glibc-thread", "random replacement in small working sets, one a thread", glibc_thread::prepare),
    quick(single("cfrac", "factors numbers by continued fractions, a block for each number", cfrac::prepare)),
    single("barnes", "n-body simulation with an octree built anew each step", barnes::prepare),
    quick(single("espresso", "minimises two-level logic: sets of cubes split and merged", espresso::prepare)),
    threaded("mleak", "hundreds of threads come and go, the live set stays as it is", mleak::prepare),
];
