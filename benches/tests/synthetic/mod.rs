//! Results of runs that never were, with the figures that a test wants.

use cenote_bench_protocol::{Group, Job, Machine, Phase, Point, Report, Results, Sample, Subject, WorkloadInfo};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// A workload of one thread.
pub fn workload(name: &str, group: Group) -> WorkloadInfo {
    WorkloadInfo {
        name: name.into(),
        group,
        about: format!("what {name} does"),
        quick: true,
        scales: false,
        threads: 1,
    }
}

/// A run of one workload that took `ms` and `mib`.
pub fn sample(subject: &str, workload: &str, repetition: u32, ms: f64, mib: f64) -> Sample {
    let report = Report {
        wall_ns: (ms * 1e6) as u64,
        cpu_ns: (ms * 0.9e6) as u64,
        peak_rss_bytes: (mib * 1_048_576.0) as u64,
        minor_faults: 100,
        answer: 42,
        ..Report::default()
    };
    let job = Job { workload: workload.into(), threads: None, divisor: 1, seed: 7 };
    Sample { subject: subject.into(), repetition, job, result: Ok(report) }
}

/// Results of `samples`, with every allocator present that has some.
pub fn results(workloads: Vec<WorkloadInfo>, samples: Vec<Sample>) -> Results {
    let mut subjects: Vec<Subject> = Vec::new();
    for sample in &samples {
        if !subjects.iter().any(|subject| subject.name == sample.subject) {
            subjects.push(Subject {
                name: sample.subject.clone(),
                version: "1.2.3".into(),
                note: String::new(),
                present: true,
            });
        }
    }
    Results {
        machine: Machine {
            cpu: "A Processor 9000".into(),
            cpus: 4,
            memory_bytes: 16 << 30,
            system: "Linux 6.1".into(),
            libc: "glibc 2.36".into(),
            rustc: "rustc 1.95.0".into(),
            huge_pages: "always [madvise] never".into(),
        },
        begun_unix_s: 1_700_000_000,
        took_s: 290.0,
        command: "cargo run --release -p cenote-bench".into(),
        profile: "release".into(),
        subjects,
        workloads,
        samples,
        instructions: Vec::new(),
    }
}

/// An allocator's speed and thrift, over the best.
const FIELD: [(&str, f64, f64); 14] = [
    ("cenote", 1.0, 1.0),
    ("cenote#2", 1.0, 1.0),
    ("system", 1.6, 1.05),
    ("mimalloc", 1.12, 1.06),
    ("mimalloc-v2", 1.15, 1.2),
    ("jemalloc", 1.45, 1.04),
    ("snmalloc", 1.08, 1.3),
    ("rpmalloc", 1.18, 1.35),
    ("tcmalloc", 1.2, 1.5),
    ("rusty_alloc", 1.1, 1.15),
    ("sefer-alloc", 2.6, 1.4),
    ("smmalloc", 1.3, 1.9),
    ("talc", 5.5, 1.1),
    ("dlmalloc", 6.5, 1.02),
];

/// A whole run: many allocators, all groups, curves, threads, a skipped allocator, a wrong one and a crashed one.
pub fn full_run() -> Results {
    let mut rng = SmallRng::seed_from_u64(3);
    let names: [(Group, &[&str]); 4] = [
        (
            Group::Micro,
            &["pairs-16", "pairs-64", "pairs-512", "pairs-4096", "batches-lifo", "batches-fifo", "churn", "vectors"],
        ),
        (
            Group::Field,
            &["larson", "xmalloc", "mstress", "rptest", "sh6bench", "sh8bench", "alloc-test", "cache-scratch", "cfrac"],
        ),
        (Group::Program, &["serde-json", "simd-json", "regex", "syn", "tokio", "rayon-sort", "rhai", "arrow"]),
        (Group::Memory, &["grow-and-free", "cache-with-eviction"]),
    ];
    let mut workloads = Vec::new();
    let mut samples = Vec::new();
    for (group, names) in names {
        for name in names {
            let mut info = workload(name, group);
            info.scales = ["larson", "xmalloc", "mstress"].contains(name);
            info.threads = if info.scales { 2 } else { 1 };
            let weight = match group {
                Group::Micro => 1.0,
                Group::Field => 0.7,
                Group::Program | Group::Memory => 0.12,
            };
            let threads = if info.scales { vec![1, 2, 4, 8, 16] } else { vec![info.threads] };
            let size = rng.random_range(4.0..60.0);
            for (subject, speed, thrift) in FIELD {
                let own = f64::powf(speed, weight) * rng.random_range(0.94..1.12);
                let memory = size * f64::powf(thrift, 0.8) * rng.random_range(0.95..1.1);
                for threads in &threads {
                    for repetition in 0..5 {
                        let ideal = (*threads as f64).min(4.0);
                        let ms = 60.0 * own * rng.random_range(0.985..1.03)
                            / ideal.powf(if speed > 2.0 { 0.1 } else { 0.9 });
                        let mut sample = sample(subject, name, repetition, ms, memory);
                        sample.job.threads = Some(*threads);
                        if let (Group::Memory, Ok(report)) = (group, &mut sample.result) {
                            curve(report, f64::powf(thrift, 1.5));
                        }
                        samples.push(sample);
                    }
                }
            }
            workloads.push(info);
        }
    }
    for sample in &mut samples {
        match (sample.subject.as_str(), sample.job.workload.as_str()) {
            ("smmalloc", "mstress") => sample.result = Err("killed by signal 11".into()),
            ("talc", "regex") => {
                if let Ok(report) = &mut sample.result {
                    report.wrong = Some("block 17 <lost> its \"pattern\" & more".into());
                }
            }
            _ => {}
        }
    }
    let mut results = results(workloads, samples);
    results.subjects.push(Subject {
        name: "ferroc".into(),
        version: String::new(),
        note: "needs a nightly compiler: rustup toolchain install nightly".into(),
        present: false,
    });
    results.instructions =
        vec![("cenote".into(), "pairs-16".into(), 151_000_000), ("mimalloc".into(), "pairs-16".into(), 183_000_000)];
    results
}

fn curve(report: &mut Report, waste: f64) {
    const MIB: f64 = 1_048_576.0;
    let phases = [("grow", 0.0), ("free 95 %", 0.8), ("idle", 1.2), ("grow differently", 2.2), ("free all", 3.0)];
    report.phases = phases.map(|(name, at)| Phase { name: name.into(), at_ns: (at * 1e9) as u64 }).to_vec();
    report.points = (0..=360)
        .map(|step| {
            let at = f64::from(step) / 100.0;
            let live = match at {
                at if at < 0.8 => 100.0 * at / 0.8,
                at if at < 1.2 => 100.0 - 95.0 * (at - 0.8) / 0.4,
                at if at < 2.2 => 5.0,
                at if at < 3.0 => 5.0 + 100.0 * (at - 2.2) / 0.8,
                _ => 0.0,
            };
            let kept = if at > 0.8 { 60.0 * (waste - 0.9).clamp(0.05, 1.0) } else { 0.0 };
            let rss = live.max(kept) * 1.04 * waste.sqrt() + 4.0;
            Point { at_ns: (at * 1e9) as u64, rss_bytes: (rss * MIB) as u64, live_bytes: (live * MIB) as u64 }
        })
        .collect();
}
