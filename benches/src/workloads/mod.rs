//! The programs of the time and peak-memory tables.
//!
//! Each is a function generic over the allocator; each says which application it imitates and what its number cannot
//! show, checks the contents of its blocks, and returns a checksum that is the same for every allocator.

mod batches;
mod churn;
mod pairs;
mod threads;
mod vectors;

use crate::allocators::{Subject, Visitor};
use crate::measure::{Meter, Sample};
use crate::rng::Rng;
use std::alloc::GlobalAlloc;
use std::fmt;

/// One row of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// Blocks of one size, taken and freed at once.
    Pairs {
        /// The size of every block.
        size_bytes: usize,
    },
    /// A thousand blocks taken, then freed.
    Batches {
        /// The last taken is the first freed.
        lifo: bool,
        /// Sizes up to 512 bytes, rather than 64.
        mixed: bool,
    },
    /// Random replacement among 100,000 slots.
    Churn,
    /// Vectors that double.
    Vectors,
    /// One thread takes, another frees.
    ProducerConsumer,
    /// Two threads replace each other's blocks.
    SharedChurn,
    /// Threads that live for some hundreds of blocks.
    ThreadChurn,
}

impl Workload {
    /// Every workload.
    pub const ALL: &[Self] = &[
        Self::Pairs { size_bytes: 16 },
        Self::Pairs { size_bytes: 64 },
        Self::Pairs { size_bytes: 512 },
        Self::Pairs { size_bytes: 4096 },
        Self::Batches { lifo: true, mixed: false },
        Self::Batches { lifo: false, mixed: false },
        Self::Batches { lifo: true, mixed: true },
        Self::Batches { lifo: false, mixed: true },
        Self::Churn,
        Self::Vectors,
        Self::ProducerConsumer,
        Self::SharedChurn,
        Self::ThreadChurn,
    ];

    /// What the workload does, in a line.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Pairs { .. } => "one block taken and freed at once, beside 200 live ones of its size",
            Self::Batches { lifo: true, .. } => "1000 blocks taken, the last taken freed first",
            Self::Batches { lifo: false, .. } => "1000 blocks taken, the first taken freed first",
            Self::Churn => "random replacement in 100,000 slots, 16 B to 32 KiB",
            Self::Vectors => "four vectors doubling from 16 B to 1 MiB by realloc",
            Self::ProducerConsumer => "one thread takes, another frees, through a ring",
            Self::SharedChurn => "two threads replace blocks in shared slots (larson)",
            Self::ThreadChurn => "300 short-lived threads, each freeing survivors of the one before",
        }
    }

    /// Runs the workload once with `alloc`.
    ///
    /// # Panics
    /// When the allocator fails or a block does not hold what was written into it.
    pub fn run<A: GlobalAlloc + Sync>(self, alloc: &'static A, mut meter: Meter) -> Sample {
        let checksum = match self {
            Self::Pairs { size_bytes } => pairs::pairs(alloc, size_bytes, &mut meter),
            Self::Batches { lifo, mixed } => batches::batches(alloc, lifo, mixed, &mut meter),
            Self::Churn => churn::churn(alloc, &mut meter),
            Self::Vectors => vectors::vectors(alloc, &mut meter),
            Self::ProducerConsumer => threads::producer_consumer(alloc, &mut meter),
            Self::SharedChurn => threads::shared_churn(alloc, &mut meter),
            Self::ThreadChurn => threads::thread_churn(alloc, &mut meter),
        };
        meter.finish(checksum)
    }

    /// Runs the workload once with the allocator `subject` names.
    pub fn run_with(self, subject: Subject, meter: Meter) -> Sample {
        struct Run(Workload, Meter);

        impl Visitor for Run {
            type Output = Sample;

            fn visit<A: GlobalAlloc + Sync>(self, alloc: &'static A) -> Sample {
                self.0.run(alloc, self.1)
            }
        }

        subject.visit(Run(self, meter))
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Pairs { size_bytes } => &format!("pairs-{size_bytes}"),
            Self::Batches { lifo: true, mixed: false } => "batches-lifo-64",
            Self::Batches { lifo: false, mixed: false } => "batches-fifo-64",
            Self::Batches { lifo: true, mixed: true } => "batches-lifo-mixed",
            Self::Batches { lifo: false, mixed: true } => "batches-fifo-mixed",
            Self::Churn => "churn",
            Self::Vectors => "vectors",
            Self::ProducerConsumer => "producer-consumer",
            Self::SharedChurn => "shared-churn",
            Self::ThreadChurn => "thread-churn",
        };
        f.pad(name)
    }
}

impl std::str::FromStr for Workload {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().copied().find(|workload| workload.to_string() == name);
        found.ok_or_else(|| "`--list` names the workloads".to_string())
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for &workload in Workload::ALL {
            assert_eq!(workload.to_string().parse(), Ok(workload));
        }
    }

    #[test]
    fn checksums_do_not_depend_on_the_allocator() {
        for &workload in Workload::ALL {
            let [a, b] = [Subject::Cenote, Subject::RustyAlloc].map(|s| workload.run_with(s, Meter::time()).checksum);
            assert_eq!(a, b, "{workload}");
        }
    }
}
