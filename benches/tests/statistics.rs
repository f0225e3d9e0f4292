//! Summaries and comparisons, against figures that can be worked out by hand.

mod synthetic;

use cenote_bench::report;
use cenote_bench::statistics::{Goal, Outcome, Quantity, compare, goals, summary};
use cenote_bench_protocol::{Group, Phase, Point, Results, Sample};
use synthetic::{full_run, results, sample, workload};

/// Three samples around each figure: allocator, workload, milliseconds, MiB.
fn run(groups: &[(&str, Group)], figures: &[(&str, &str, f64, f64)]) -> Results {
    let workloads = groups.iter().map(|(name, group)| workload(name, *group)).collect();
    let spread = [0.999, 1.0, 1.001];
    let samples = figures.iter().flat_map(|&(subject, workload, ms, mib)| {
        spread.iter().zip(0..).map(move |(factor, repetition)| sample(subject, workload, repetition, ms * factor, mib))
    });
    results(workloads, samples.collect())
}

fn near(value: f64, expected: f64) -> bool {
    (value / expected - 1.0).abs() < 1e-6
}

fn goal<'a>(goals: &'a [Goal], start: &str) -> &'a Goal {
    goals.iter().find(|goal| goal.what.starts_with(start)).unwrap()
}

fn two_workloads() -> Results {
    run(
        &[("one", Group::Micro), ("two", Group::Micro)],
        &[
            ("cenote", "one", 10.0, 4.0),
            ("mimalloc", "one", 20.0, 8.0),
            ("jemalloc", "one", 40.0, 2.0),
            ("cenote", "two", 30.0, 9.0),
            ("mimalloc", "two", 15.0, 9.0),
            ("jemalloc", "two", 60.0, 3.0),
        ],
    )
}

/// Most visits are twice as slow. The slower allocator was not run in two of those, so that its median is the better
/// one; memory is not a matter of pace.
#[test]
fn what_slows_a_visit_slows_nobody_in_particular() {
    let slowness = [1.0, 2.0, 1.0, 2.0, 2.0];
    let samples =
        [("cenote", 10.0), ("mimalloc", 11.0), ("jemalloc", 20.0), ("snmalloc", 30.0)].map(|(subject, ms)| {
            let visits = (0..).zip(slowness).filter(move |(visit, _)| subject != "mimalloc" || *visit < 3);
            visits.map(move |(visit, slowness)| sample(subject, "one", visit, ms * slowness, 4.0 * slowness))
        });
    let summary = summary(&results(vec![workload("one", Group::Micro)], samples.into_iter().flatten().collect()));
    let measured = |subject| summary.rows[0].measured(subject).unwrap();
    assert!(near(measured("mimalloc").wall.to_best.value, 1.1));
    assert!(near(measured("jemalloc").cpu.to_best.value, 2.0));
    assert!(near(measured("cenote").peak_rss.estimate.median, 8.0 * 1_048_576.0));
}

#[test]
fn medians_ratios_and_means_are_what_they_are_by_hand() {
    let summary = summary(&two_workloads());
    let row = &summary.rows[0];
    let mimalloc = row.measured("mimalloc").unwrap();
    assert!(near(mimalloc.wall.estimate.median, 20e6));
    assert!(near(mimalloc.cpu.estimate.median, 18e6));
    assert!(near(mimalloc.wall.to_best.value, 2.0));
    assert!(near(mimalloc.peak_rss.to_best.value, 4.0));
    assert_eq!(row.measured("cenote").unwrap().wall.to_best.value, 1.0);
    assert!(near(row.measured("cenote").unwrap().wall.to_best_peer.unwrap().value, 0.5));
    assert!(mimalloc.wall.to_best.interval.contains(2.0));

    let wall = &summary.overall.wall;
    // sqrt(1 * 2), sqrt(2 * 1), sqrt(4 * 4).
    assert!(near(wall.standing("cenote").unwrap().mean.unwrap().value, 2f64.sqrt()));
    assert!(near(wall.standing("jemalloc").unwrap().mean.unwrap().value, 4.0));
    assert_eq!(wall.standing("cenote").unwrap().near_best, 1);
    let (worst, ratio) = wall.standing("cenote").unwrap().worst.clone().unwrap();
    assert!(worst == "two" && near(ratio, 2.0));
    let (peer, ratio) = wall.to_best_peer.clone().unwrap();
    assert!(peer == "mimalloc" && near(ratio.value, 1.0));
}

#[test]
fn goals_are_judged_by_their_definitions() {
    let goals = goals(&summary(&two_workloads()));
    let micro = goal(&goals, "wall time of micro");
    assert!(near(micro.value.unwrap(), 1.0));
    assert_eq!(micro.is_reached(), Some(false));
    assert_eq!(goal(&goals, "wall time of the field").is_reached(), None);
    assert_eq!(goal(&goals, "share of all").value, Some(0.5));
    assert!(near(goal(&goals, "wall time over the best, worst workload (two)").value.unwrap(), 2.0));
    // cenote sqrt(4 * 9) over jemalloc sqrt(2 * 3).
    assert!(near(goal(&goals, "peak RSS, geometric mean").value.unwrap(), 6f64.sqrt()));
    // In `two` the median peer has 6 MiB.
    assert!(near(goal(&goals, "peak RSS over the median peer's, worst workload (two)").value.unwrap(), 1.5));
}

#[test]
fn who_fails_in_a_row_is_not_ranked_and_not_the_best() {
    let mut run = two_workloads();
    for sample in &mut run.samples {
        if let ("mimalloc", "two", Ok(report)) = (&*sample.subject, &*sample.job.workload, &mut sample.result) {
            report.answer = 43;
        }
    }
    let summary = summary(&run);
    let two = &summary.rows[1];
    assert!(
        matches!(&two.cells[1].outcome, Outcome::Wrong(reason) if reason.contains("0x2b") && reason.contains("0x2a"))
    );
    assert_eq!(two.measured("cenote").unwrap().wall.to_best.value, 1.0);
    let wall = &summary.overall.wall;
    assert_eq!(wall.standings.last().unwrap().subject, "mimalloc");
    assert!(!wall.is_complete(wall.standings.last().unwrap()));
    assert_eq!(wall.to_best_peer.as_ref().unwrap().0, "jemalloc");
}

#[test]
fn one_failure_among_many_runs_is_a_failure() {
    let mut run = two_workloads();
    let sample: &mut Sample = run.samples.iter_mut().rfind(|sample| sample.subject == "cenote").unwrap();
    sample.result = Err("killed by signal 6".into());
    let summary = summary(&run);
    assert!(matches!(&summary.rows[1].cells[0].outcome, Outcome::Crashed(how) if how == "killed by signal 6"));
    assert_eq!(summary.faults().len(), 1);
    assert!(summary.overall.wall.to_best_peer.is_none());
}

#[test]
fn when_two_disagree_the_system_allocator_decides_and_without_it_nobody_is_right() {
    let disagree = |first: &str, second: &str| {
        let mut run = run(&[("one", Group::Micro)], &[(first, "one", 1.0, 1.0), (second, "one", 1.0, 1.0)]);
        run.samples.iter_mut().filter(|sample| sample.subject == first).for_each(|sample| {
            sample.result.as_mut().unwrap().answer = 41;
        });
        summary(&run).rows[0].cells.iter().map(|cell| cell.outcome.measured().is_some()).collect::<Vec<bool>>()
    };
    assert_eq!(disagree("cenote", "system"), [false, true]);
    assert_eq!(disagree("cenote", "mimalloc"), [false, false]);
}

#[test]
fn the_null_comparison_gives_the_noise_and_no_rank() {
    let calm = run(
        &[("one", Group::Micro)],
        &[("cenote", "one", 10.0, 4.0), ("cenote#2", "one", 10.1, 4.0), ("system", "one", 20.0, 4.0)],
    );
    let calm = summary(&calm);
    assert_eq!(calm.subjects, ["cenote", "system"]);
    let noise = calm.noise.unwrap();
    assert!(near(noise.wall.floor, 1.01) && near(noise.wall.typical, 1.01) && near(noise.peak_rss.floor, 1.0));
    assert_eq!(noise.warning(), None);
    let loud = run(&[("one", Group::Micro)], &[("cenote", "one", 10.0, 4.0), ("cenote#2", "one", 8.0, 4.0)]);
    let loud = summary(&loud).noise.unwrap();
    assert!(near(loud.wall.floor, 1.25));
    assert!(loud.warning().unwrap().contains("25.0 %"));
}

#[test]
fn the_rows_of_other_thread_counts_are_points_of_a_curve_and_not_counted_twice() {
    let summary = summary(&full_run());
    assert_eq!(summary.overall.wall.rows, 25);
    let scaling = summary.scaling();
    assert_eq!(
        scaling.iter().map(|curve| curve.workload.as_str()).collect::<Vec<_>>(),
        ["larson", "xmalloc", "mstress"]
    );
    let threads: Vec<usize> = scaling[0].lines[0].1.iter().map(|(threads, _)| *threads).collect();
    assert_eq!(threads, [1, 2, 4, 8, 16]);
    assert_eq!(summary.overall.peak_rss.rows, 27);
}

#[test]
fn a_phase_ends_before_the_next_begins() {
    let mut run = run(&[("curve", Group::Memory)], &[("cenote", "curve", 1.0, 1.0)]);
    for sample in &mut run.samples {
        let report = sample.result.as_mut().unwrap();
        report.phases =
            ["grow", "free"].iter().zip([0, 20]).map(|(name, at_ns)| Phase { name: (*name).into(), at_ns }).collect();
        report.points = [(0, 10, 5), (19, 90, 60), (20, 80, 0), (40, 30, 0)]
            .map(|(at_ns, rss_bytes, live_bytes)| Point { at_ns, rss_bytes, live_bytes })
            .to_vec();
    }
    let summary = summary(&run);
    let phases = &summary.curves[0].phases;
    assert_eq!((phases[0].rss_bytes, phases[0].overhead()), (90, Some(1.5)));
    assert_eq!((phases[1].rss_bytes, phases[1].overhead()), (30, None));
    // Memory workloads are not timed.
    assert_eq!(summary.overall.wall.rows, 0);
}

#[test]
fn a_comparison_names_what_changed_beyond_noise_and_nothing_else() {
    let before = two_workloads();
    let mut after = two_workloads();
    for sample in &mut after.samples {
        let report = sample.result.as_mut().unwrap();
        match (sample.subject.as_str(), sample.job.workload.as_str()) {
            ("cenote", "two") => report.wall_ns = report.wall_ns * 4 / 5,
            // Sure, but no more than the noise that is taken for granted.
            ("mimalloc", "one") => report.wall_ns = report.wall_ns * 102 / 100,
            ("jemalloc", "one") => report.peak_rss_bytes *= 2,
            _ => {}
        }
    }
    after.machine.rustc = "rustc 1.96.0".into();
    let comparison = compare(&before, &after);
    let changed: Vec<(&str, &str, Quantity)> = comparison
        .beyond_noise()
        .map(|change| (change.subject.as_str(), change.row.as_str(), change.quantity))
        .collect();
    assert_eq!(changed, [("jemalloc", "one", Quantity::PeakRss), ("cenote", "two", Quantity::Wall)]);
    assert_eq!(comparison.circumstances, ["compiler: rustc 1.95.0 / rustc 1.96.0"]);
    let text = report::comparison_text(&comparison);
    assert!(text.contains("2 of 12 figures changed") && text.contains("better") && text.contains("worse"), "{text}");
    assert_eq!(compare(&before, &before).beyond_noise().count(), 0);
}

#[test]
fn a_comparison_needs_samples_enough_and_says_what_it_cannot_compare() {
    let single = |ms| results(vec![workload("one", Group::Micro)], vec![sample("cenote", "one", 0, ms, 1.0)]);
    assert_eq!(compare(&single(1.0), &single(2.0)).beyond_noise().count(), 0);
    let other = results(vec![workload("new", Group::Micro)], vec![sample("cenote", "new", 0, 1.0, 1.0)]);
    let comparison = compare(&single(1.0), &other);
    assert_eq!(comparison.unmatched, ["one: only in the first run", "new: only in the second run"]);
    assert!(report::comparison_text(&comparison).contains("only in the first run"));
}
