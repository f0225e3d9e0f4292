//! A run's results in rows, rankings and curves: all that tables and plots show.

use super::estimate::{Bootstrap, Estimate, Figure, Ratio, geometric_mean, median};
use super::noise::{Noise, Pair};
use super::pace::{self, Pace};
use super::verdict::{Answers, Good, Outcome, copy_of, original};
use cenote_bench_protocol::{Group, Phase, Point, Report, Results, Sample, WorkloadInfo};
use std::collections::{BTreeSet, HashMap};
use std::fmt;

/// The allocator that the suite belongs to. It is highlighted, and the others are its peers.
pub const OURS: &str = "cenote";

/// An allocator whose time is within this factor of the best one's is as good as first.
pub const NEAR: f64 = 1.03;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Wall-clock time, in nanoseconds.
    Wall,
    /// CPU time of all threads, in nanoseconds.
    Cpu,
    /// Peak resident set, in bytes.
    PeakRss,
}

impl Quantity {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Wall, Self::Cpu, Self::PeakRss];

    /// Its name in text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wall => "wall time",
            Self::Cpu => "CPU time",
            Self::PeakRss => "peak RSS",
        }
    }

    /// Whether it is a time.
    const fn is_time(self) -> bool {
        !matches!(self, Self::PeakRss)
    }

    /// Its value in a report; at least one, as figures are divided by each other.
    pub(super) fn of(self, report: &Report) -> f64 {
        let value = match self {
            Self::Wall => report.wall_ns,
            Self::Cpu => report.cpu_ns,
            Self::PeakRss => report.peak_rss_bytes,
        };
        value.max(1) as f64
    }
}

/// One quantity of one allocator in one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// The samples' median and spread; of times, those at the machine's usual pace.
    pub estimate: Estimate,
    /// Over the least median of the row, cenote's included; the best one has exactly 1.
    pub to_best: Ratio,
    /// Over the least median of a peer of cenote; none without one.
    pub to_best_peer: Option<Ratio>,
}

/// What one allocator's runs of a row cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Wall-clock time, in nanoseconds.
    pub wall: Compared,
    /// CPU time, in nanoseconds.
    pub cpu: Compared,
    /// Peak resident set, in bytes.
    pub peak_rss: Compared,
    /// Median of the page faults that needed no input or output.
    pub minor_faults: f64,
    /// Instructions of the timed part, if they were counted.
    pub instructions: Option<u64>,
}

impl Measured {
    /// The quantity asked for.
    pub fn quantity(&self, quantity: Quantity) -> &Compared {
        match quantity {
            Quantity::Wall => &self.wall,
            Quantity::Cpu => &self.cpu,
            Quantity::PeakRss => &self.peak_rss,
        }
    }
}

/// One allocator in one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Its name.
    pub subject: String,
    /// How it did.
    pub outcome: Outcome<Measured>,
}

/// A workload at a number of threads, with all allocators.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The workload.
    pub workload: WorkloadInfo,
    /// With how many threads it ran.
    pub threads: usize,
    /// What its work was divided by.
    pub divisor: u32,
    /// Whether it stands for its workload in tables and means: it has the workload's own number of threads, or, when
    /// that was not run, the least number that was. The other rows are points of scaling curves.
    pub headline: bool,
    /// The allocators, in the order of [`Summary::subjects`].
    pub cells: Vec<Cell>,
}

impl Row {
    /// What was measured of an allocator.
    pub fn measured(&self, subject: &str) -> Option<&Measured> {
        self.cells.iter().find(|cell| cell.subject == subject)?.outcome.measured()
    }

    /// The allocators that were measured.
    pub fn all_measured(&self) -> impl Iterator<Item = (&str, &Measured)> {
        self.cells.iter().filter_map(|cell| Some((cell.subject.as_str(), cell.outcome.measured()?)))
    }

    /// The name in tables: the workload's, with the threads when they are not its own.
    pub fn label(&self) -> String {
        if self.threads == self.workload.threads {
            self.workload.name.clone()
        } else {
            format!("{} ×{}", self.workload.name, self.threads)
        }
    }

    /// Whether times of this row are compared.
    pub fn is_timed(&self) -> bool {
        self.workload.group != Group::Memory
    }
}

/// How one allocator stands in a section.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Its name.
    pub subject: String,
    /// The geometric mean over its rows of the ratios to each row's best; none without a row.
    pub mean: Option<Ratio>,
    /// In how many rows it was measured.
    pub measured: usize,
    /// In how many of them it was first, or near enough to it ([`NEAR`]).
    pub near_best: usize,
    /// The row where it was furthest behind the best, and how far.
    pub worst: Option<(String, f64)>,
}

/// The allocators by one quantity over the rows of a section.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// The quantity.
    pub quantity: Quantity,
    /// How many rows there are.
    pub rows: usize,
    /// The allocators, best first. Those that were not measured in every row come last, as their means are of other rows.
    pub standings: Vec<Standing>,
    /// The peer with the least mean among those measured in every row, and cenote's mean over its mean.
    pub to_best_peer: Option<(String, Ratio)>,
}

impl Ranking {
    /// Whether an allocator was measured in every row, so that its mean can be compared.
    pub fn is_complete(&self, standing: &Standing) -> bool {
        standing.measured == self.rows && self.rows > 0
    }

    /// How an allocator stands.
    pub fn standing(&self, subject: &str) -> Option<&Standing> {
        self.standings.iter().find(|standing| standing.subject == subject)
    }

    /// Those with the least mean among the allocators measured in every row: one, unless several are equal.
    pub fn best(&self) -> impl Iterator<Item = &Standing> {
        let value = |standing: &Standing| standing.mean.map(|mean| mean.value);
        let complete = || self.standings.iter().filter(|standing| self.is_complete(standing));
        let least = complete().next().and_then(value);
        complete().take_while(move |standing| value(standing) == least)
    }
}

/// The headline rows of a group, or of all.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Which group; all of them if none.
    pub group: Option<Group>,
    /// Wall time. Empty for [`Group::Memory`], whose rows do not count here for all groups either.
    pub wall: Ranking,
    /// CPU time, over the same rows.
    pub cpu: Ranking,
    /// Peak RSS, over all rows.
    pub peak_rss: Ranking,
}

/// How much memory a program had at the end of one of its phases.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseEnd {
    /// The phase.
    pub phase: Phase,
    /// When it ended, in nanoseconds since the timed part began.
    pub end_ns: u64,
    /// Bytes resident at its end.
    pub rss_bytes: u64,
    /// Bytes the program had in use at its end.
    pub live_bytes: u64,
}

impl PhaseEnd {
    /// Resident bytes over live ones; none when nothing is live.
    pub fn overhead(&self) -> Option<f64> {
        (self.live_bytes > 0).then(|| self.rss_bytes as f64 / self.live_bytes as f64)
    }
}

/// One allocator's memory over time: of its runs the one whose highest point is the median.
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryCurve {
    /// The workload.
    pub workload: String,
    /// The allocator.
    pub subject: String,
    /// The curve.
    pub points: Vec<Point>,
    /// Its phases.
    pub phases: Vec<PhaseEnd>,
}

/// One workload's wall time by threads.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// The workload.
    pub workload: String,
    /// Each allocator's passes a second by threads, threads ascending.
    pub lines: Vec<(String, Vec<(usize, f64)>)>,
}

/// An allocator that could not do a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The allocator.
    pub subject: String,
    /// The workload.
    pub workload: String,
    /// With how many threads.
    pub threads: Vec<usize>,
    /// `wrong` or `crashed`.
    pub kind: &'static str,
    /// How.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads: Vec<String> = self.threads.iter().map(usize::to_string).collect();
        let plural = if self.threads == [1] { "" } else { "s" };
        write!(f, "{} in {} with {} thread{plural}: {}", self.kind, self.workload, threads.join(", "), self.reason)
    }
}

/// All that a run's tables and plots show.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The allocators that were run, in the results' order; no second copies.
    pub subjects: Vec<String>,
    /// All rows: workloads in the results' order, threads ascending.
    pub rows: Vec<Row>,
    /// All groups together.
    pub overall: Section,
    /// Each group that has rows.
    pub sections: Vec<Section>,
    /// What the null comparison says; none without one.
    pub noise: Option<Noise>,
    /// The memory curves: workloads in the results' order, then allocators.
    pub curves: Vec<MemoryCurve>,
}

impl Summary {
    /// The rows that stand for their workloads; those of a group, if one is given.
    pub fn headlines(&self, group: Option<Group>) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.headline && group.is_none_or(|group| row.workload.group == group))
    }

    /// Every allocator that could not do a workload, with the first reason that it gave.
    pub fn faults(&self) -> Vec<Fault> {
        let cells = self.rows.iter().flat_map(|row| row.cells.iter().map(move |cell| (row, cell)));
        let mut faults: Vec<Fault> = Vec::new();
        for (row, cell) in cells {
            let Some((kind, reason)) = cell.outcome.fault() else { continue };
            let known = faults.iter_mut().find(|fault| {
                fault.subject == cell.subject && fault.workload == row.workload.name && fault.kind == kind
            });
            match known {
                Some(fault) => fault.threads.push(row.threads),
                None => faults.push(Fault {
                    subject: cell.subject.clone(),
                    workload: row.workload.name.clone(),
                    threads: vec![row.threads],
                    kind,
                    reason: reason.into(),
                }),
            }
        }
        faults
    }

    /// The workloads that ran with several numbers of threads.
    pub fn scaling(&self) -> Vec<Scaling> {
        let mut workloads: Vec<&str> = self.rows.iter().map(|row| row.workload.name.as_str()).collect();
        workloads.dedup();
        let curves = workloads.into_iter().map(|workload| {
            let lines = self.subjects.iter().map(|subject| {
                let rows = self.rows.iter().filter(|row| row.workload.name == workload && row.is_timed());
                let points = rows.filter_map(|row| {
                    let measured = row.measured(subject)?;
                    Some((row.threads, 1e9 / measured.wall.estimate.median))
                });
                (subject.clone(), points.collect())
            });
            Scaling { workload: workload.into(), lines: lines.collect() }
        });
        curves.filter(|curve| curve.lines.iter().any(|(_, points)| points.len() > 1)).collect()
    }
}

/// What the results say.
pub fn summary(results: &Results) -> Summary {
    let subjects = subjects(results);
    let answers = Answers::new(&results.samples);
    let mut bootstrap = Bootstrap::new();
    let mut noise = Vec::new();
    let tables: Vec<Table> = row_keys(results)
        .into_iter()
        .map(|key| Table::new(results, &subjects, &answers, key, &mut bootstrap, &mut noise))
        .collect();
    let sections = [Group::Micro, Group::Field, Group::Program, Group::Memory]
        .into_iter()
        .filter(|group| tables.iter().any(|table| table.row.workload.group == *group))
        .map(|group| section(Some(group), &tables, &subjects))
        .collect();
    Summary {
        overall: section(None, &tables, &subjects),
        sections,
        noise: Noise::of(noise),
        curves: curves(results, &tables),
        rows: tables.into_iter().map(|table| table.row).collect(),
        subjects,
    }
}

/// The allocators with samples: those that the results list in their order, then any others.
fn subjects(results: &Results) -> Vec<String> {
    let listed = results.subjects.iter().map(|subject| subject.name.as_str());
    let mut subjects: Vec<String> = Vec::new();
    for name in listed.chain(results.samples.iter().map(|sample| sample.subject.as_str())) {
        let name = original(name);
        let has_samples = || results.samples.iter().any(|sample| original(&sample.subject) == name);
        if !subjects.iter().any(|subject| subject == name) && has_samples() {
            subjects.push(name.into());
        }
    }
    subjects
}

/// What tells rows apart.
#[derive(Clone, Copy)]
struct RowKey<'a> {
    workload: &'a WorkloadInfo,
    threads: usize,
    divisor: u32,
    headline: bool,
}

impl RowKey<'_> {
    fn holds(&self, sample: &Sample) -> bool {
        sample.job.workload == self.workload.name
            && threads(sample, self.workload) == self.threads
            && sample.job.divisor == self.divisor
    }
}

fn threads(sample: &Sample, workload: &WorkloadInfo) -> usize {
    sample.job.threads.unwrap_or(workload.threads)
}

fn row_keys(results: &Results) -> Vec<RowKey<'_>> {
    let mut keys = Vec::new();
    for workload in &results.workloads {
        let samples = results.samples.iter().filter(|sample| sample.job.workload == workload.name);
        let kinds: BTreeSet<(usize, u32)> =
            samples.map(|sample| (threads(sample, workload), sample.job.divisor)).collect();
        let own = kinds.iter().find(|(threads, _)| *threads == workload.threads);
        let headline = own.or(kinds.first()).copied();
        keys.extend(kinds.into_iter().map(|(threads, divisor)| RowKey {
            workload,
            threads,
            divisor,
            headline: Some((threads, divisor)) == headline,
        }));
    }
    keys
}

/// A row with the figures that it was made of, by allocator; none for those not measured.
struct Table {
    row: Row,
    figures: HashMap<(usize, Quantity), Figure>,
}

impl Table {
    fn new(
        results: &Results,
        subjects: &[String],
        answers: &Answers<'_>,
        key: RowKey<'_>,
        bootstrap: &mut Bootstrap,
        noise: &mut Vec<Pair>,
    ) -> Self {
        let of_row: Vec<&Sample> = results.samples.iter().filter(|sample| key.holds(sample)).collect();
        let mut copies: Vec<(usize, Vec<Good<'_>>)> = Vec::new();
        let runs: Vec<Outcome<Vec<Good<'_>>>> = subjects
            .iter()
            .enumerate()
            .map(|(index, subject)| {
                let own: Vec<&Sample> =
                    of_row.iter().copied().filter(|sample| original(&sample.subject) == subject).collect();
                match answers.judge(&own) {
                    // The copy's runs are judged with the allocator's, but measured apart.
                    Outcome::Measured(_) => {
                        let (of_copy, originals): (Vec<&Sample>, _) =
                            own.into_iter().partition(|sample| sample.subject == copy_of(subject));
                        if let Outcome::Measured(runs) = answers.judge(&of_copy) {
                            copies.push((index, runs));
                        }
                        answers.judge(&originals)
                    }
                    fault => fault,
                }
            })
            .collect();
        let paces = Quantity::ALL.map(|quantity| {
            let all = runs.iter().filter_map(Outcome::measured).chain(copies.iter().map(|(_, runs)| runs));
            let is_paced = quantity.is_time() && key.workload.group != Group::Memory;
            if is_paced { Pace::of(all.map(|runs| values(quantity, runs))) } else { Pace::default() }
        });
        let paced = |quantity: Quantity, runs: &[Good<'_>]| paces[quantity as usize].usual(&values(quantity, runs));
        for (index, copy) in copies {
            if let Some(runs) = runs[index].measured() {
                let ratio = |quantity| median(&paced(quantity, &copy)) / median(&paced(quantity, runs));
                noise.push(Pair { subject: subjects[index].clone(), ratios: Quantity::ALL.map(ratio) });
            }
        }

        let mut figures = HashMap::new();
        for (index, runs) in runs.iter().enumerate() {
            for quantity in Quantity::ALL {
                if let Outcome::Measured(runs) = runs {
                    figures.insert((index, quantity), bootstrap.median(&paced(quantity, runs)));
                }
            }
        }
        let compared = |index: usize, quantity: Quantity, runs: &[Good<'_>]| {
            let best = |eligible: &dyn Fn(&str) -> bool| {
                let those = (0..subjects.len()).filter(|&index| eligible(&subjects[index]));
                let those = those.filter_map(|index| figures.get(&(index, quantity)));
                those.min_by(|a, b| a.value.total_cmp(&b.value))
            };
            let figure = &figures[&(index, quantity)];
            Compared {
                estimate: figure.estimate(paced(quantity, runs)),
                to_best: figure.over(best(&|_| true).expect("the allocator itself")).ratio(),
                to_best_peer: best(&|name| name != OURS).map(|peer| figure.over(peer).ratio()),
            }
        };
        let cells = runs.iter().enumerate().map(|(index, outcome)| Cell {
            subject: subjects[index].clone(),
            outcome: match outcome {
                Outcome::Measured(runs) => Outcome::Measured(Measured {
                    wall: compared(index, Quantity::Wall, runs),
                    cpu: compared(index, Quantity::Cpu, runs),
                    peak_rss: compared(index, Quantity::PeakRss, runs),
                    minor_faults: median(&runs.iter().map(|(_, run)| run.minor_faults as f64).collect::<Vec<_>>()),
                    instructions: instructions(results, &subjects[index], &key.workload.name),
                }),
                Outcome::Wrong(reason) => Outcome::Wrong(reason.clone()),
                Outcome::Crashed(reason) => Outcome::Crashed(reason.clone()),
                Outcome::NotRun => Outcome::NotRun,
            },
        });
        let row = Row {
            workload: key.workload.clone(),
            threads: key.threads,
            divisor: key.divisor,
            headline: key.headline,
            cells: cells.collect(),
        };
        Self { row, figures }
    }
}

/// What runs say of one quantity.
fn values(quantity: Quantity, runs: &[Good<'_>]) -> Vec<pace::Run> {
    runs.iter().map(|(repetition, report)| (*repetition, quantity.of(report))).collect()
}

fn instructions(results: &Results, subject: &str, workload: &str) -> Option<u64> {
    let mut counts = results.instructions.iter();
    counts.find(|(counted, of, _)| counted == subject && of == workload).map(|(_, _, count)| *count)
}

fn section(group: Option<Group>, tables: &[Table], subjects: &[String]) -> Section {
    let of_group = |table: &&Table| table.row.headline && group.is_none_or(|group| table.row.workload.group == group);
    let all: Vec<&Table> = tables.iter().filter(of_group).collect();
    let timed: Vec<&Table> = all.iter().copied().filter(|table| table.row.is_timed()).collect();
    Section {
        group,
        wall: ranking(Quantity::Wall, &timed, subjects),
        cpu: ranking(Quantity::Cpu, &timed, subjects),
        peak_rss: ranking(Quantity::PeakRss, &all, subjects),
    }
}

fn ranking(quantity: Quantity, tables: &[&Table], subjects: &[String]) -> Ranking {
    let mut ranked: Vec<(Standing, Option<Figure>)> = subjects
        .iter()
        .enumerate()
        .map(|(index, subject)| {
            let rows: Vec<(&Table, f64)> = tables
                .iter()
                .filter_map(|table| Some((*table, table.row.measured(subject)?.quantity(quantity).to_best.value)))
                .collect();
            let mean = mean(quantity, &rows.iter().map(|(table, _)| *table).collect::<Vec<_>>(), index);
            let worst = rows.iter().max_by(|a, b| a.1.total_cmp(&b.1));
            let standing = Standing {
                subject: subject.clone(),
                mean: mean.as_ref().map(Figure::ratio),
                measured: rows.len(),
                near_best: rows.iter().filter(|(_, ratio)| *ratio <= NEAR).count(),
                worst: worst.map(|(table, ratio)| (table.row.label(), *ratio)),
            };
            (standing, mean)
        })
        .collect();
    let is_complete = |standing: &Standing| !tables.is_empty() && standing.measured == tables.len();
    ranked.sort_by(|(a, mean_a), (b, mean_b)| {
        let value = |mean: &Option<Figure>| mean.as_ref().map_or(f64::INFINITY, |mean| mean.value);
        is_complete(b).cmp(&is_complete(a)).then(value(mean_a).total_cmp(&value(mean_b)))
    });
    let mut complete = ranked.iter().filter(|(standing, _)| is_complete(standing));
    let ours = complete.clone().find(|(standing, _)| standing.subject == OURS);
    let peer = complete.find(|(standing, _)| standing.subject != OURS);
    let to_best_peer = ours.zip(peer).and_then(|((_, ours), (standing, peer))| {
        Some((standing.subject.clone(), ours.as_ref()?.over(peer.as_ref()?).ratio()))
    });
    Ranking {
        quantity,
        rows: tables.len(),
        standings: ranked.into_iter().map(|(standing, _)| standing).collect(),
        to_best_peer,
    }
}

/// The geometric mean of an allocator's ratios to the best of each row.
fn mean(quantity: Quantity, tables: &[&Table], subject: usize) -> Option<Figure> {
    let ratios: Vec<Figure> = tables
        .iter()
        .map(|table| {
            let of_quantity = table.figures.iter().filter(|((_, of), _)| *of == quantity).map(|(_, figure)| figure);
            let best = of_quantity.min_by(|a, b| a.value.total_cmp(&b.value)).expect("the allocator itself");
            table.figures[&(subject, quantity)].over(best)
        })
        .collect();
    let ratios: Vec<&Figure> = ratios.iter().collect();
    (!ratios.is_empty()).then(|| Figure::combined(&ratios, geometric_mean))
}

fn curves(results: &Results, tables: &[Table]) -> Vec<MemoryCurve> {
    let rows = tables.iter().map(|table| &table.row).filter(|row| row.headline);
    let cells = rows.flat_map(|row| row.cells.iter().map(move |cell| (row, cell)));
    let measured = cells.filter(|(_, cell)| cell.outcome.measured().is_some());
    let curves = measured.filter_map(|(row, cell)| {
        let highest = |report: &Report| report.points.iter().map(|point| point.rss_bytes).max();
        let mut runs: Vec<&Report> = results
            .samples
            .iter()
            .filter(|sample| sample.subject == cell.subject && sample.job.workload == row.workload.name)
            .filter_map(|sample| sample.result.as_ref().ok())
            .filter(|report| !report.points.is_empty())
            .collect();
        runs.sort_by_key(|report| highest(report));
        let run = runs.get(runs.len().checked_sub(1)? / 2)?;
        Some(MemoryCurve {
            workload: row.workload.name.clone(),
            subject: cell.subject.clone(),
            points: run.points.clone(),
            phases: phases(run),
        })
    });
    curves.collect()
}

/// A phase ends where the next begins, the last one after the last point; phases without a point are left out.
fn phases(report: &Report) -> Vec<PhaseEnd> {
    let end = report.points.last().map_or(0, |point| point.at_ns + 1);
    let ends = report.phases.iter().skip(1).map(|phase| phase.at_ns).chain([end]);
    let phases = report.phases.iter().zip(ends).filter_map(|(phase, end_ns)| {
        let within = |point: &&Point| (phase.at_ns..end_ns).contains(&point.at_ns);
        let point = report.points.iter().rfind(within)?;
        Some(PhaseEnd { phase: phase.clone(), end_ns, rss_bytes: point.rss_bytes, live_bytes: point.live_bytes })
    });
    phases.collect()
}
