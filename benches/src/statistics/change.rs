//! What changed between two runs, beyond noise.
//!
//! A figure has changed when the interval of its ratio excludes 1, each run has enough samples for an interval to mean
//! something, and the ratio is beyond the noise floor: the larger of what the two runs' null comparisons show, or the
//! margin of [`NEAR`] when neither has one.

use super::estimate::{Bootstrap, Interval, Ratio, median};
use super::summary::{NEAR, Quantity, Row, Summary, summary};
use cenote_bench_protocol::Results;
use serde::Serialize;

/// The fewest samples on which a change is said to be one.
const ENOUGH: usize = 3;

/// One figure in both runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The allocator.
    pub subject: String,
    /// The workload, with threads.
    pub row: String,
    /// The quantity.
    pub quantity: Quantity,
    /// Its median in the first run, in the quantity's unit.
    pub before: f64,
    /// Its median in the second.
    pub after: f64,
    /// The second over the first.
    pub ratio: Ratio,
    /// Whether it is beyond noise.
    pub changed: bool,
}

/// Two runs side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The noise floor of wall time, as a factor.
    pub wall_floor: f64,
    /// The noise floor of peak RSS, as a factor.
    pub peak_rss_floor: f64,
    /// Wall time of timed workloads and peak RSS of all, for every allocator and row that both runs measured; the largest
    /// changes first.
    pub changes: Vec<Change>,
    /// What only one run has, or where an allocator was measured in one and failed in the other.
    pub unmatched: Vec<String>,
    /// What differs between the circumstances of the runs.
    pub circumstances: Vec<String>,
}

impl Comparison {
    /// The figures that are beyond noise.
    pub fn beyond_noise(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.changed)
    }
}

/// What changed from `before` to `after`.
pub fn compare(before: &Results, after: &Results) -> Comparison {
    let circumstances = circumstances(before, after);
    let (before, after) = (summary(before), summary(after));
    let mut comparison = Comparison {
        wall_floor: floor(&before, &after, Quantity::Wall),
        peak_rss_floor: floor(&before, &after, Quantity::PeakRss),
        changes: Vec::new(),
        unmatched: Vec::new(),
        circumstances,
    };
    let mut bootstrap = Bootstrap::new();
    for row in &before.rows {
        match counterpart(row, &after) {
            Some(other) => comparison.add(row, other, &mut bootstrap),
            None => comparison.unmatched.push(format!("{}: only in the first run", row.label())),
        }
    }
    let new = after.rows.iter().filter(|row| counterpart(row, &before).is_none());
    comparison.unmatched.extend(new.map(|row| format!("{}: only in the second run", row.label())));
    comparison.changes.sort_by(|a, b| b.ratio.value.ln().abs().total_cmp(&a.ratio.value.ln().abs()));
    comparison
}

impl Comparison {
    fn add(&mut self, before: &Row, after: &Row, bootstrap: &mut Bootstrap) {
        let subjects = before.cells.iter().chain(&after.cells).map(|cell| cell.subject.as_str());
        let mut seen: Vec<&str> = Vec::new();
        for subject in subjects {
            if seen.contains(&subject) {
                continue;
            }
            seen.push(subject);
            let (first, second) = match (before.measured(subject), after.measured(subject)) {
                (Some(first), Some(second)) => (first, second),
                (None, None) => continue,
                (first, _) => {
                    let which = if first.is_some() { "first" } else { "second" };
                    self.unmatched.push(format!("{}, {subject}: measured only in the {which} run", before.label()));
                    continue;
                }
            };
            let quantities: &[Quantity] =
                if before.is_timed() { &[Quantity::Wall, Quantity::PeakRss] } else { &[Quantity::PeakRss] };
            for &quantity in quantities {
                let first = &first.quantity(quantity).estimate.samples;
                let second = &second.quantity(quantity).estimate.samples;
                let ratio = bootstrap.median(second).over(&bootstrap.median(first)).ratio();
                let floor = if quantity == Quantity::PeakRss { self.peak_rss_floor } else { self.wall_floor };
                self.changes.push(Change {
                    subject: subject.into(),
                    row: before.label(),
                    quantity,
                    before: median(first),
                    after: median(second),
                    ratio,
                    changed: first.len().min(second.len()) >= ENOUGH && is_beyond(&ratio, floor),
                });
            }
        }
    }
}

fn is_beyond(ratio: &Ratio, floor: f64) -> bool {
    let Interval { low, high } = ratio.interval;
    (low > 1.0 || high < 1.0) && ratio.value.ln().abs() > floor.ln()
}

fn floor(before: &Summary, after: &Summary, quantity: Quantity) -> f64 {
    let floors = [before, after].into_iter().filter_map(|run| Some(run.noise.as_ref()?.quantity(quantity).floor));
    floors.reduce(f64::max).unwrap_or(NEAR)
}

fn counterpart<'a>(row: &Row, other: &'a Summary) -> Option<&'a Row> {
    let same = |candidate: &&Row| {
        candidate.workload.name == row.workload.name
            && candidate.threads == row.threads
            && candidate.divisor == row.divisor
    };
    other.rows.iter().find(same)
}

fn circumstances(before: &Results, after: &Results) -> Vec<String> {
    let machine = (&before.machine, &after.machine);
    let mut pairs = vec![
        ("processor".to_string(), machine.0.cpu.clone(), machine.1.cpu.clone()),
        ("processors".into(), machine.0.cpus.to_string(), machine.1.cpus.to_string()),
        ("system".into(), machine.0.system.clone(), machine.1.system.clone()),
        ("C library".into(), machine.0.libc.clone(), machine.1.libc.clone()),
        ("compiler".into(), machine.0.rustc.clone(), machine.1.rustc.clone()),
        ("huge pages".into(), machine.0.huge_pages.clone(), machine.1.huge_pages.clone()),
        ("profile".into(), before.profile.clone(), after.profile.clone()),
    ];
    for subject in &before.subjects {
        if let Some(other) = after.subjects.iter().find(|other| other.name == subject.name) {
            pairs.push((format!("version of {}", subject.name), subject.version.clone(), other.version.clone()));
        }
    }
    let differing = pairs.into_iter().filter(|(_, first, second)| first != second);
    differing.map(|(what, first, second)| format!("{what}: {first} / {second}")).collect()
}
