//! Tables for the terminal.

use super::text;
use crate::statistics::{Cell, Comparison, Goal, MemoryCurve, Outcome, Quantity, Ranking, Section, Summary, goals};
use cenote_bench_protocol::Group;
use comfy_table::{CellAlignment, Table, presets};

/// Stands behind the best figure of a row.
const BEST: &str = "*";

/// All tables of a run.
pub fn tables(summary: &Summary) -> String {
    let mut parts: Vec<String> = Vec::new();
    for section in &summary.sections {
        let Some(group) = section.group else { continue };
        if group != Group::Memory {
            let title = format!("{}: wall time over the best ({BEST})", text::group(group));
            parts.push(titled(&title, &rows(summary, section, Quantity::Wall)));
        }
    }
    parts.push(titled(
        &format!("Peak RSS over the lowest ({BEST})"),
        &rows(summary, &summary.overall, Quantity::PeakRss),
    ));
    if let Some(table) = instructions(summary) {
        parts.push(titled(&format!("Instructions, in millions (fewest {BEST})"), &table));
    }
    parts.push(titled("Geometric means of the ratios, best first", &means(summary)));
    parts.push(titled("What cenote is to reach", &reached(&goals(summary))));
    let faults = summary.faults();
    if !faults.is_empty() {
        let lines = faults.iter().map(|fault| format!("{} {fault}", fault.subject));
        parts.push(format!("Not timed, as they went wrong:\n{}", lines.collect::<Vec<_>>().join("\n")));
    }
    parts.push(text::noise(summary));
    parts.extend(summary.noise.as_ref().and_then(|noise| noise.warning()).map(|warning| format!("warning: {warning}")));
    parts.join("\n\n")
}

/// A table with `columns`, set left.
pub(super) fn plain(columns: impl IntoIterator<Item = impl Into<String>>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(columns.into_iter().map(Into::into).collect::<Vec<String>>());
    table
}

/// A table with `columns`; the first is set left, the others right.
fn table(columns: impl IntoIterator<Item = impl Into<String>>) -> Table {
    let mut table = plain(columns);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn titled(title: &str, table: &Table) -> String {
    format!("{title}\n\n{table}")
}

/// A row for each workload, with the best median in its unit and everyone's ratio to it; means at the end.
pub(super) fn rows(summary: &Summary, section: &Section, quantity: Quantity) -> Table {
    let best = format!("best, {}", text::unit(quantity));
    let mut table = table(["workload".to_string(), best].into_iter().chain(summary.subjects.iter().cloned()));
    for row in summary.headlines(section.group) {
        let best = row.all_measured().map(|(_, measured)| measured.quantity(quantity).estimate.median);
        let best = best.reduce(f64::min).map_or("-".into(), |best| text::value(quantity, best));
        let cells = row.cells.iter().map(|cell| ratio(cell, quantity));
        table.add_row([row.label(), best].into_iter().chain(cells));
    }
    let ranking = of(section, quantity);
    let means = summary.subjects.iter().map(|subject| mean(ranking, subject));
    table.add_row(["geometric mean".to_string(), String::new()].into_iter().chain(means));
    table
}

fn of(section: &Section, quantity: Quantity) -> &Ranking {
    match quantity {
        Quantity::Wall => &section.wall,
        Quantity::Cpu => &section.cpu,
        Quantity::PeakRss => &section.peak_rss,
    }
}

fn ratio(cell: &Cell, quantity: Quantity) -> String {
    match &cell.outcome {
        Outcome::Measured(measured) => {
            let ratio = measured.quantity(quantity).to_best.value;
            format!("{}{}", text::ratio(ratio), if ratio == 1.0 { BEST } else { "" })
        }
        Outcome::Wrong(_) => "wrong".into(),
        Outcome::Crashed(_) => "crashed".into(),
        Outcome::NotRun => "-".into(),
    }
}

/// A mean; in brackets when some rows are missing from it.
fn mean(ranking: &Ranking, subject: &str) -> String {
    let standing = ranking.standing(subject).and_then(|standing| Some((standing, standing.mean?)));
    standing.map_or("-".into(), |(standing, mean)| {
        let mean = format!("{:.3}", mean.value);
        if ranking.is_complete(standing) { mean } else { format!("({mean})") }
    })
}

/// Everyone's means, best first.
pub(super) fn means(summary: &Summary) -> Table {
    let sections: Vec<(&str, &Ranking)> = summary
        .sections
        .iter()
        .filter_map(|section| Some((text::short(section.group?), &section.wall)))
        .filter(|(_, ranking)| ranking.rows > 0)
        .chain([
            ("all", &summary.overall.wall),
            ("CPU time", &summary.overall.cpu),
            ("peak RSS", &summary.overall.peak_rss),
        ])
        .collect();
    let titles = sections.iter().map(|(title, _)| *title);
    let mut table = table(["allocator"].into_iter().chain(titles).chain(["first or near", "worst"]));
    for standing in &summary.overall.wall.standings {
        let means = sections.iter().map(|(_, ranking)| mean(ranking, &standing.subject));
        let near = format!("{} of {}", standing.near_best, summary.overall.wall.rows);
        let worst = standing.worst.as_ref().map_or("-".into(), |(row, ratio)| format!("{} {row}", text::ratio(*ratio)));
        table.add_row([standing.subject.clone()].into_iter().chain(means).chain([near, worst]));
    }
    table
}

/// Millions of instructions of each workload where they were counted; none where nobody's were.
pub(super) fn instructions(summary: &Summary) -> Option<Table> {
    let mut table = table(["workload".to_string()].into_iter().chain(summary.subjects.iter().cloned()));
    for row in summary.headlines(None) {
        let count = |subject: &String| row.measured(subject).and_then(|measured| measured.instructions);
        let counts: Vec<Option<u64>> = summary.subjects.iter().map(count).collect();
        if let Some(least) = counts.iter().flatten().min() {
            let cells = counts.iter().map(|count| match count {
                Some(count) => format!("{}{}", text::millions(*count), if count == least { BEST } else { "" }),
                None => "-".into(),
            });
            table.add_row([row.label()].into_iter().chain(cells));
        }
    }
    (!table.is_empty()).then_some(table)
}

/// The goals and what the run shows of them.
pub(super) fn reached(goals: &[Goal]) -> Table {
    let mut table = table(["goal", "this run", "to be", ""]);
    for goal in goals {
        let (value, bound) = text::goal(goal);
        table.add_row([goal.what.clone(), value, bound, text::reached(goal).into()]);
    }
    table
}

/// What each allocator has resident at the end of each phase, in MiB, and over the live bytes.
pub(super) fn phases(curves: &[&MemoryCurve]) -> Table {
    let names = curves.first().map_or(&[][..], |curve| &curve.phases[..]).iter().map(|end| end.phase.name.clone());
    let mut table = table(["allocator".to_string()].into_iter().chain(names));
    for curve in curves {
        let ends = curve.phases.iter().map(|end| {
            let rss = text::mib(end.rss_bytes as f64);
            end.overhead().map_or(rss.clone(), |overhead| format!("{rss} ({}×)", text::ratio(overhead)))
        });
        table.add_row([curve.subject.clone()].into_iter().chain(ends));
    }
    table
}

/// What changed beyond noise.
pub fn comparison(comparison: &Comparison) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !comparison.circumstances.is_empty() {
        parts.push(format!("The circumstances differ (first / second):\n{}", comparison.circumstances.join("\n")));
    }
    let mut table = table(["workload", "allocator", "quantity", "first", "second", "ratio", "95 % interval", ""]);
    for change in comparison.beyond_noise() {
        let value = |value| format!("{} {}", text::value(change.quantity, value), text::unit(change.quantity));
        table.add_row([
            change.row.clone(),
            change.subject.clone(),
            change.quantity.name().into(),
            value(change.before),
            value(change.after),
            format!("{:.3}", change.ratio.value),
            text::interval(&change.ratio.interval),
            if change.ratio.value < 1.0 { "better" } else { "worse" }.into(),
        ]);
    }
    let changed = comparison.beyond_noise().count();
    parts.push(format!(
        "{changed} of {} figures changed beyond noise ({} in wall time, {} in peak RSS).",
        comparison.changes.len(),
        text::percent(comparison.wall_floor),
        text::percent(comparison.peak_rss_floor),
    ));
    if changed > 0 {
        parts.push(table.to_string());
    }
    if !comparison.unmatched.is_empty() {
        parts.push(format!("Not compared:\n{}", comparison.unmatched.join("\n")));
    }
    parts.join("\n\n")
}
