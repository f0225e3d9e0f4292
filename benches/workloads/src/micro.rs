//! TODO(helper): one sample; the rest is to be ported.
use crate::Workload;
use cenote_bench_protocol::Group;
use std::hint::black_box;

/// The workloads of this group.
pub const WORKLOADS: &[Workload] = &[Workload {
    name: "pairs-64",
    group: Group::Micro,
    about: "one block of 64 bytes taken and freed at once",
    quick: true,
    scales: false,
    threads: 1,
    warm_up: 1,
    prepare: |setting| {
        let pairs = setting.scaled(4_000_000);
        Box::new(move || {
            for n in 0..pairs {
                drop(black_box(Box::new([n as u64; 8])));
            }
            Ok(pairs as u64)
        })
    },
}];
