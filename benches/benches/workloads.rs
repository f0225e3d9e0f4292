//! The workloads under criterion, for statistics over time on one machine; `compare` is the tool to rank allocators with. rpmalloc
//! [cannot](cenote_bench::part) take part.

use cenote_bench::allocators::Subject;
use cenote_bench::measure::Meter;
use cenote_bench::workloads::Workload;
use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use std::time::Duration;

fn workloads(criterion: &mut Criterion) {
    for workload in Workload::ALL {
        let mut group = criterion.benchmark_group(workload.to_string());
        group
            .sample_size(10)
            .sampling_mode(SamplingMode::Flat)
            .warm_up_time(Duration::from_millis(100))
            .measurement_time(Duration::from_millis(500));
        for &subject in Subject::ALL.iter().filter(|subject| subject.shares_process()) {
            group.bench_function(BenchmarkId::from_parameter(subject), |bencher| {
                // The workload times its own middle part: preparing its arrays and taking down what is left stay out.
                bencher.iter_custom(|runs| {
                    let wall_ns = (0..runs).map(|_| workload.run_with(subject, Meter::time()).wall_ns).sum();
                    Duration::from_nanos(wall_ns)
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, workloads);
criterion_main!(benches);
