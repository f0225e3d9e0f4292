//! The tables, and the same as JSON.

use crate::Series;
use cenote_bench::allocators::Subject;
use cenote_bench::measure::Sample;
use cenote_bench::statistics::{geometric_mean, median};
use cenote_bench::table::{self, mib, ms};
use cenote_bench::workloads::Workload;
use serde::Serialize;
use std::fmt;
use std::path::Path;

/// What a table is about.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Quantity {
    CpuTime,
    WallTime,
    PeakRss,
}

impl Quantity {
    const fn title(self) -> &'static str {
        match self {
            Self::CpuTime => "CPU time, ms (relative to the best peer)",
            Self::WallTime => "wall-clock time, ms (relative to the best peer)",
            Self::PeakRss => {
                "peak RSS, MiB (relative to the lower of mimalloc and jemalloc, each counted as 1 MiB at least)"
            }
        }
    }

    fn of(self, sample: &Sample) -> f64 {
        match self {
            Self::CpuTime => sample.cpu_ns as f64,
            Self::WallTime => sample.wall_ns as f64,
            Self::PeakRss => sample.peak_rss_bytes as f64,
        }
    }

    fn in_unit(self, value: f64) -> f64 {
        match self {
            Self::CpuTime | Self::WallTime => ms(value),
            Self::PeakRss => mib(value as u64),
        }
    }

    /// The value below which differences are not a workload's but those of what was resident before; ratios count less as
    /// this much.
    const fn floor(self) -> f64 {
        match self {
            Self::CpuTime | Self::WallTime => 1.0,
            Self::PeakRss => (1 << 20) as f64,
        }
    }

    /// Whether `subject` is one of those the others are divided by the best of.
    fn is_yardstick(self, subject: Subject) -> bool {
        match self {
            Self::CpuTime | Self::WallTime => subject.is_peer(),
            Self::PeakRss => matches!(subject.name(), "mimalloc" | "jemalloc"),
        }
    }
}

/// One allocator's median in one workload.
#[derive(Debug, Serialize)]
struct Cell {
    allocator: &'static str,
    /// Nanoseconds or bytes.
    median: f64,
    /// To the best yardstick; none when no yardstick was measured.
    ratio: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Row {
    workload: String,
    cells: Vec<Cell>,
}

/// Medians of one quantity, by workload and allocator.
#[derive(Debug, Serialize)]
pub struct Summary {
    quantity: Quantity,
    rows: Vec<Row>,
    /// Geometric mean over the workloads of each allocator's ratios.
    geometric_means: Vec<(&'static str, Option<f64>)>,
    /// cenote's geometric mean divided by the least that one single peer reaches.
    cenote_to_best_single_peer: Option<f64>,
}

impl Summary {
    fn new(series: &[Series], quantity: Quantity) -> Self {
        let mut workloads: Vec<Workload> = series.iter().map(|one| one.workload).collect();
        workloads.dedup();
        let mut subjects: Vec<Subject> = series.iter().map(|one| one.subject).collect();
        subjects.sort_unstable();
        subjects.dedup();
        let rows: Vec<Row> = workloads.iter().map(|&workload| Self::row(series, quantity, workload)).collect();
        let mean = |subject: Subject| {
            let cells = rows.iter().flat_map(|row| &row.cells).filter(|cell| cell.allocator == subject.name());
            let ratios: Option<Vec<f64>> = cells.map(|cell| cell.ratio).collect();
            // An allocator that could not do all of the work has no mean to compare.
            ratios.filter(|ratios| ratios.len() == rows.len()).map(|ratios| geometric_mean(&ratios))
        };
        let best_peer =
            subjects.iter().filter(|subject| subject.is_peer()).filter_map(|&peer| mean(peer)).reduce(f64::min);
        let cenote = subjects.iter().find(|subject| !subject.is_peer()).and_then(|&cenote| mean(cenote));
        Self {
            quantity,
            geometric_means: subjects.iter().map(|&subject| (subject.name(), mean(subject))).collect(),
            cenote_to_best_single_peer: cenote.zip(best_peer).map(|(cenote, peer)| cenote / peer),
            rows,
        }
    }

    fn row(series: &[Series], quantity: Quantity, workload: Workload) -> Row {
        let mut medians: Vec<(Subject, f64)> = series
            .iter()
            .filter(|one| one.workload == workload)
            .map(|one| (one.subject, median(&one.samples.iter().map(|sample| quantity.of(sample)).collect::<Vec<_>>())))
            .collect();
        medians.sort_unstable_by_key(|&(subject, _)| subject);
        let yardsticks = medians.iter().filter(|(subject, _)| quantity.is_yardstick(*subject));
        let floor = quantity.floor();
        let best = yardsticks.map(|&(_, value)| value.max(floor)).reduce(f64::min);
        let cells = medians
            .iter()
            .map(|&(subject, median)| Cell {
                allocator: subject.name(),
                median,
                ratio: best.map(|best| median.max(floor) / best),
            })
            .collect();
        Row { workload: workload.to_string(), cells }
    }
}

fn ratio(value: Option<f64>) -> String {
    value.map_or("-".to_string(), |value| format!("{value:.2}"))
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.geometric_means.iter().map(|(name, _)| *name);
        let mut table = table::new(["workload"].into_iter().chain(names));
        for row in &self.rows {
            let cells = self.geometric_means.iter().map(|(name, _)| {
                let cell = row.cells.iter().find(|cell| cell.allocator == *name);
                cell.map_or("failed".to_string(), |cell| {
                    format!("{:.2} ({})", self.quantity.in_unit(cell.median), ratio(cell.ratio))
                })
            });
            table.add_row([row.workload.clone()].into_iter().chain(cells));
        }
        let means = self.geometric_means.iter().map(|(_, mean)| ratio(*mean));
        table.add_row(["geometric mean".to_string()].into_iter().chain(means));
        write!(f, "{}\n\n{table}", self.quantity.title())?;
        if let Some(value) = self.cenote_to_best_single_peer {
            write!(f, "\n\ncenote's geometric mean over that of the best single peer: {value:.3}")?;
        }
        Ok(())
    }
}

/// The tables for what was measured.
pub fn tables(series: &[Series], memory: bool) -> Vec<Summary> {
    let quantities: &[Quantity] = if memory { &[Quantity::PeakRss] } else { &[Quantity::CpuTime, Quantity::WallTime] };
    quantities.iter().map(|&quantity| Summary::new(series, quantity)).collect()
}

/// Writes every sample, and the tables, to `path`.
pub fn write_json(path: &Path, series: &[Series], tables: &[Summary]) -> std::io::Result<()> {
    #[derive(Serialize)]
    struct Raw<'a> {
        workload: String,
        allocator: &'static str,
        samples: &'a [Sample],
    }

    #[derive(Serialize)]
    struct Document<'a> {
        tables: &'a [Summary],
        series: Vec<Raw<'a>>,
    }

    let series = series
        .iter()
        .map(|one| Raw { workload: one.workload.to_string(), allocator: one.subject.name(), samples: &one.samples })
        .collect();
    let text = serde_json::to_string_pretty(&Document { tables, series })?;
    std::fs::write(path, text + "\n")
}
