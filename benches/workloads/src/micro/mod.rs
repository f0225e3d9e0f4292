//! Loops of allocations and little else, each of one pattern.

mod batches;
mod churn;
mod pairs;
mod producer_consumer;
mod shared_churn;
mod thread_churn;
mod vectors;

use crate::rng::Rng;
use crate::{Pass, Setting, Workload};
use cenote_bench_protocol::Group;

/// A workload of one thread.
const fn single(name: &'static str, about: &'static str, prepare: fn(&Setting) -> Pass) -> Workload {
    Workload { warm_up: 1, ..Workload::single(Group::Micro, name, about, prepare) }
}

/// The workloads of this group.
pub const WORKLOADS: &[Workload] = &[
    single("pairs-16", "one block of 16 bytes taken and freed at once, beside 200 live ones", |s| {
        pairs::prepare(s, 16)
    }),
    Workload {
        quick: true,
        ..single("pairs-64", "one block of 64 bytes taken and freed at once, beside 200 live ones", |s| {
            pairs::prepare(s, 64)
        })
    },
    single("pairs-512", "one block of 512 bytes taken and freed at once, beside 200 live ones", |s| {
        pairs::prepare(s, 512)
    }),
    single("pairs-4096", "one block of 4 KiB taken and freed at once, beside 200 live ones", |s| {
        pairs::prepare(s, 4096)
    }),
    single("batches-lifo-64", "1000 blocks of 64 bytes taken, the last taken freed first", |s| {
        batches::prepare(s, batches::Order::Lifo, |_| 64)
    }),
    single("batches-fifo-64", "1000 blocks of 64 bytes taken, the first taken freed first", |s| {
        batches::prepare(s, batches::Order::Fifo, |_| 64)
    }),
    single("batches-lifo-mixed", "1000 blocks of 16 to 512 bytes taken, the last taken freed first", |s| {
        batches::prepare(s, batches::Order::Lifo, |rng| rng.between(16, 512))
    }),
    Workload {
        quick: true,
        ..single("batches-fifo-mixed", "1000 blocks of 16 to 512 bytes taken, the first taken freed first", |s| {
            batches::prepare(s, batches::Order::Fifo, |rng| rng.between(16, 512))
        })
    },
    Workload { quick: true, ..single("churn", "random replacement in 100,000 slots, 16 B to 32 KiB", churn::prepare) },
    single("vectors", "four vectors doubling from 16 B to 1 MiB by realloc", vectors::prepare),
    Workload {
        quick: true,
        threads: 2,
        ..single("producer-consumer", "one thread takes, another frees, through a ring", producer_consumer::prepare)
    },
    Workload {
        quick: true,
        scales: true,
        threads: 2,
        ..single("shared-churn", "threads replace each other's blocks in shared slots", shared_churn::prepare)
    },
    single("thread-churn", "short-lived threads, each freeing survivors of the one before", thread_churn::prepare),
];

/// A size as programs ask for them: nineteen in twenty in 16..=512 bytes, the rest evenly over the doublings to 32 KiB.
#[inline]
fn mixed_size(rng: &mut Rng) -> usize {
    if rng.below(20) > 0 {
        rng.between(16, 512)
    } else {
        let low = 512 << rng.below(6);
        rng.between(low + 1, 2 * low)
    }
}
