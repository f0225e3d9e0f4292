//! Programs with phases, whose resident set is watched over time; see [`timeline`](crate::timeline).
//!
//! Each begins with nothing and ends with nothing. What the arrays that remember blocks need is mapped before the first
//! point is taken. Idle phases call no allocator: what comes back in them comes back by itself.

mod bursts;
mod ledger;
mod lru_cache;
mod random95;
mod size_drift;
mod survivors;
mod thread_pools;

use crate::{Pass, Setting, Workload};
use cenote_bench_protocol::Group;

/// A workload of one thread.
const fn single(name: &'static str, about: &'static str, prepare: fn(&Setting) -> Pass) -> Workload {
    Workload::single(Group::Memory, name, about, prepare)
}

/// The workloads of this group.
pub const WORKLOADS: &[Workload] = &[
    single("survivors-20", "a million small objects freed all but 1 in 20, idle, grow differently, free, idle", |s| {
        survivors::prepare(s, 20)
    }),
    single(
        "survivors-1000",
        "a million small objects freed all but 1 in 1000, idle, grow differently, free, idle",
        |s| survivors::prepare(s, 1000),
    ),
    single("survivors-100000", "a million small objects freed all but 10, idle, grow differently, free, idle", |s| {
        survivors::prepare(s, 100_000)
    }),
    single(
        "random-95",
        "64-byte blocks, 95 % freed at random, idle, others twice as large, free, idle",
        random95::prepare,
    ),
    Workload { quick: true, ..single("lru-cache", "a full cache whose entries grow and shrink", lru_cache::prepare) },
    Workload {
        quick: true,
        ..single("size-drift", "blocks that grow by stages, each leaving survivors", size_drift::prepare)
    },
    single("bursts", "a server's bursts of requests with pauses", bursts::prepare),
    Workload {
        threads: thread_pools::WORKERS,
        ..single("thread-pools", "pools of workers that work, wait and end", thread_pools::prepare)
    },
];
