//! The micro workloads under criterion, to see how one machine's times change with the code; the suite itself is the tool
//! to rank allocators with.
//!
//! The workloads are those of the suite: each iteration is a run of an allocator's program, and what criterion counts is
//! the time that the program reports of its timed part.

use cenote_bench::builder::{Built, Recipe, Workspace};
use cenote_bench::child;
use cenote_bench::subjects::{PEERS, Tier};
use cenote_bench_protocol::{Group, Job};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, criterion_group, criterion_main};
use std::time::Duration;

/// A fifth of the suite's work is enough for an iteration.
const DIVISOR: u32 = 5;

/// How long a process may take before it counts as hung.
const TIMEOUT: Duration = Duration::from_secs(30);

fn workloads(criterion: &mut Criterion) {
    let peers: Vec<_> = PEERS.iter().filter(|peer| peer.tier == Tier::Usual).collect();
    let recipe = Recipe { lto: false, check: false, heavy: false };
    let outcome = Workspace::find().and_then(|workspace| workspace.build(&peers, recipe)).expect("no programs to run");
    for (peer, why) in &outcome.skipped {
        eprintln!("without {}: {why}", peer.name);
    }
    let first = outcome.built.first().expect("no allocator's program was built");
    let workloads = child::list(&first.program, TIMEOUT).expect("no list of workloads");
    for workload in workloads.iter().filter(|workload| workload.group == Group::Micro) {
        let mut group = criterion.benchmark_group(&workload.name);
        group
            .sample_size(10)
            .sampling_mode(SamplingMode::Flat)
            .warm_up_time(Duration::from_millis(50))
            .measurement_time(Duration::from_secs(1));
        for built in &outcome.built {
            bench(&mut group, &workload.name, built);
        }
        group.finish();
    }
}

/// Measures one workload with one allocator.
///
/// # Panics
/// When the allocator is wrong or its program dies.
fn bench(group: &mut BenchmarkGroup<'_, WallTime>, workload: &str, built: &Built) {
    let job = Job { workload: workload.into(), threads: None, divisor: DIVISOR, seed: 1 };
    let run_ns = || {
        let report = child::run(&built.program, &job, TIMEOUT);
        let report = report.and_then(|report| match report.wrong {
            Some(wrong) => Err(wrong),
            None => Ok(report.wall_ns),
        });
        report.unwrap_or_else(|error| panic!("{} with {}: {error}", job.workload, built.peer.name))
    };
    group.bench_function(built.peer.name, |bencher| {
        bencher.iter_custom(|runs| Duration::from_nanos((0..runs).map(|_| run_ns()).sum()));
    });
}

criterion_group!(benches, workloads);
criterion_main!(benches);
