//! What cenote is to reach, and whether it does.

use super::estimate::{Interval, median};
use super::summary::{OURS, Quantity, Section, Summary};
use cenote_bench_protocol::Group;

/// The most that the geometric mean of a group's times may be, over that of the best single peer.
const TIME: [(Group, f64); 3] = [(Group::Micro, 0.68), (Group::Field, 0.90), (Group::Program, 0.97)];

/// The least share of workloads in which cenote is first or as good as first.
const NEAR_BEST_SHARE: f64 = 0.85;

/// The most that a workload's time may be, over the best one's.
const WORST_TIME: f64 = 1.10;

/// The frugal peers, and the most that the geometric mean of the peak RSS may be over that of the better one.
const FRUGAL: [&str; 2] = ["mimalloc", "jemalloc"];
const MEAN_RSS: f64 = 1.00;

/// The most that a workload's peak RSS may be, over the median peer's.
const WORST_RSS: f64 = 1.25;

/// One goal.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// What is looked at.
    pub what: String,
    /// What it is in this run; none when the run does not show it.
    pub value: Option<f64>,
    /// Where it lies, for means.
    pub interval: Option<Interval>,
    /// What it is to be.
    pub bound: f64,
    /// Whether the bound is a floor rather than a ceiling.
    pub at_least: bool,
}

impl Goal {
    /// Whether it is reached; none when the run does not show it.
    pub fn is_reached(&self) -> Option<bool> {
        self.value.map(|value| if self.at_least { value >= self.bound } else { value <= self.bound })
    }

    fn at_most(what: impl Into<String>, value: Option<f64>, bound: f64) -> Self {
        Self { what: what.into(), value, interval: None, bound, at_least: false }
    }
}

/// The goals, and what a run shows of each.
pub fn goals(summary: &Summary) -> Vec<Goal> {
    let mut goals: Vec<Goal> = TIME.iter().map(|&(group, bound)| time(summary, group, bound)).collect();
    let ours = summary.overall.wall.standing(OURS).filter(|ours| ours.measured > 0);
    goals.push(Goal {
        at_least: true,
        ..Goal::at_most(
            "share of all timed workloads in which cenote is first or within 3 % of it",
            ours.map(|ours| ours.near_best as f64 / summary.overall.wall.rows as f64),
            NEAR_BEST_SHARE,
        )
    });
    let worst = ours.and_then(|ours| ours.worst.as_ref());
    goals.push(Goal::at_most(
        format!("wall time over the best, worst workload{}", named(worst.map(|worst| worst.0.as_str()))),
        worst.map(|worst| worst.1),
        WORST_TIME,
    ));
    goals.push(mean_rss(&summary.overall));
    let worst = worst_rss(summary);
    goals.push(Goal::at_most(
        format!(
            "peak RSS over the median peer's, worst workload{}",
            named(worst.as_ref().map(|worst| worst.0.as_str()))
        ),
        worst.map(|worst| worst.1),
        WORST_RSS,
    ));
    goals
}

fn named(row: Option<&str>) -> String {
    row.map_or(String::new(), |row| format!(" ({row})"))
}

fn time(summary: &Summary, group: Group, bound: f64) -> Goal {
    let section = summary.sections.iter().find(|section| section.group == Some(group));
    let to_best_peer = section.and_then(|section| section.wall.to_best_peer.as_ref());
    let peer = to_best_peer.map(|(peer, _)| format!(" ({peer})")).unwrap_or_default();
    let name = match group {
        Group::Micro => "micro workloads",
        Group::Field => "the field's workloads",
        Group::Program => "real programs' work",
        Group::Memory => "memory workloads",
    };
    Goal {
        interval: to_best_peer.map(|(_, ratio)| ratio.interval),
        ..Goal::at_most(
            format!("wall time of {name}, geometric mean over that of the best single peer{peer}"),
            to_best_peer.map(|(_, ratio)| ratio.value),
            bound,
        )
    }
}

fn mean_rss(overall: &Section) -> Goal {
    let ranking = &overall.peak_rss;
    let mean = |subject: &str| {
        let standing = ranking.standing(subject).filter(|standing| ranking.is_complete(standing))?;
        Some(standing.mean?.value)
    };
    let frugal = FRUGAL.iter().filter_map(|subject| mean(subject)).reduce(f64::min);
    Goal::at_most(
        "peak RSS, geometric mean over that of the better of mimalloc (v3) and jemalloc",
        mean(OURS).zip(frugal).map(|(ours, frugal)| ours / frugal),
        MEAN_RSS,
    )
}

fn worst_rss(summary: &Summary) -> Option<(String, f64)> {
    let ratios = summary.headlines(None).filter_map(|row| {
        let rss = |(_, measured): (&str, &super::Measured)| measured.quantity(Quantity::PeakRss).estimate.median;
        let peers: Vec<f64> = row.all_measured().filter(|(subject, _)| *subject != OURS).map(rss).collect();
        let ours = rss((OURS, row.measured(OURS)?));
        (!peers.is_empty()).then(|| (row.label(), ours / median(&peers)))
    });
    ratios.max_by(|a, b| a.1.total_cmp(&b.1))
}
