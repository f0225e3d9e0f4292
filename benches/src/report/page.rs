//! The self-contained HTML page.

use super::plot::mark::Mark;
use super::{plot, text};
use crate::statistics::{Cell, Goal, MemoryCurve, Outcome, Quantity, Ranking, Row, Section, Summary, goals};
use cenote_bench_protocol::{Group, Results};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("page.css");

/// Ratios from which a cell is coloured as one step worse.
const STEPS: [f64; 6] = [1.03, 1.1, 1.25, 1.5, 2.0, 4.0];

/// The allocator that is highlighted.
const OURS: &str = crate::statistics::summary::OURS;

/// The page of a run.
pub(super) fn page(results: &Results, summary: &Summary) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Memory allocators side by side" }
                style { (PreEscaped(STYLE)) (PreEscaped(plot::DARK)) }
            }
            body {
                (header(results, summary))
                main {
                    (glance(summary))
                    (warnings(summary))
                    @for section in &summary.sections { (group(summary, section)) }
                    (scaling(results, summary))
                    (memory(summary))
                    (instructions(summary))
                    (left_out(results, summary))
                    (goals_table(&goals(summary)))
                    (circumstances(results, summary))
                }
            }
        }
    };
    page.into_string()
}

fn header(results: &Results, summary: &Summary) -> Markup {
    html! {
        header {
            h1 { "Memory allocators side by side" }
            p {
                (summary.subjects.len()) " allocators, " (results.workloads.len()) " workloads, "
                (results.samples.len()) " processes · " (results.machine.cpu) " · " (text::date(results))
            }
            (answer(summary))
        }
    }
}

/// The answer in cards: who leads.
fn answer(summary: &Summary) -> Markup {
    let leader = |title: &str, ranking: &Ranking, what: &str| {
        let best: Vec<&str> = ranking.best().map(|best| best.subject.as_str()).collect();
        let mean = ranking.best().find_map(|best| best.mean);
        html! {
            @if let Some(mean) = mean {
                div.card.ours[best == [OURS]] {
                    h2 { (title) }
                    strong { (best.join(", ")) }
                    p { (format!("{:.2}", mean.value)) " × " (what) }
                }
            }
        }
    };
    html! {
        div.cards {
            (leader("Fastest overall", &summary.overall.wall, "the best time of each workload, geometric mean"))
            @for section in &summary.sections {
                @if let Some(group) = section.group.filter(|group| *group != Group::Memory) {
                    (leader(&format!("Fastest: {}", text::short(group)), &section.wall, "the best times"))
                }
            }
            (leader("Least memory", &summary.overall.peak_rss, "the lowest peak RSS of each workload"))
        }
    }
}

fn glance(summary: &Summary) -> Markup {
    html! {
        section #glance {
            h2 { "At a glance" }
            div.columns {
                @if let Some(svg) = plot::scatter::scatter(summary) {
                    figure {
                        (PreEscaped(svg))
                        figcaption {
                            "Time against memory; both axes are logarithmic. A line joins the allocators that nobody beats in \
                             both, if there are several."
                        }
                    }
                }
                (standings(summary))
            }
        }
    }
}

/// An allocator's name, behind its mark.
fn name(summary: &Summary, subject: &str) -> Markup {
    html! { span.chip { (PreEscaped(plot::chip(subject, Mark::of(subject, &summary.subjects)))) } (subject) }
}

/// Everyone's means, best first.
fn standings(summary: &Summary) -> Markup {
    let groups: Vec<(Group, &Ranking)> = summary
        .sections
        .iter()
        .filter_map(|section| Some((section.group?, &section.wall)))
        .filter(|(_, ranking)| ranking.rows > 0)
        .collect();
    let overall = &summary.overall;
    html! {
        div {
        div.scroll {
            table.standings {
                thead {
                    tr {
                        th scope="col" { "allocator" }
                        th scope="col" { "time" }
                        @for (group, _) in &groups { th scope="col" { (text::short(*group)) } }
                        th scope="col" { "CPU time" }
                        th scope="col" { "peak RSS" }
                        th scope="col" title="in how many workloads its wall time is the least, or within 3 % of it" { "first or near" }
                        th scope="col" title="the workload where it is furthest behind the best" { "worst" }
                    }
                }
                tbody {
                    @for standing in &overall.wall.standings {
                        tr.ours[standing.subject == OURS] {
                            th scope="row" { (name(summary, &standing.subject)) }
                            (mean(&overall.wall, &standing.subject))
                            @for (_, ranking) in &groups { (mean(ranking, &standing.subject)) }
                            (mean(&overall.cpu, &standing.subject))
                            (mean(&overall.peak_rss, &standing.subject))
                            td { (standing.near_best) " of " (overall.wall.rows) }
                            @match &standing.worst {
                                Some((row, ratio)) => td title=(row) { (text::ratio(*ratio)) },
                                None => td.none { "-" },
                            }
                        }
                    }
                }
            }
        }
        p.note {
            "Geometric means of wall time, CPU time and peak RSS over the best of each workload: 1.00 would be the best \
             everywhere. ★ marks the best of a column; worst is a single \
             workload. In brackets: not measured in every workload, so not ranked."
        }
        }
    }
}

fn mean(ranking: &Ranking, subject: &str) -> Markup {
    let standing = ranking.standing(subject).and_then(|standing| Some((standing, standing.mean?)));
    html! {
        @if let Some((standing, mean)) = standing {
            @let best = ranking.best().any(|best| best == standing);
            td class=(step(mean.value, best)) title={ "95 % interval " (text::interval(&mean.interval)) } {
                @if ranking.is_complete(standing) { (text::ratio(mean.value)) } @else { "(" (text::ratio(mean.value)) ")" }
            }
        } @else {
            td.none { "-" }
        }
    }
}

/// The class that colours a ratio.
fn step(ratio: f64, best: bool) -> String {
    let step = STEPS.iter().filter(|step| ratio > **step).count();
    format!("heat{step}{}", if best { " best" } else { "" })
}

fn warnings(summary: &Summary) -> Markup {
    let faults = summary.faults();
    html! {
        @if let Some(warning) = summary.noise.as_ref().and_then(|noise| noise.warning()) {
            p.warning { strong { "Noise: " } (warning) "." }
        }
        @if !faults.is_empty() {
            p.warning {
                strong { "Wrong or crashed: " }
                @for (index, fault) in faults.iter().enumerate() {
                    @if index > 0 { "; " }
                    (fault.subject) " in " (fault.workload)
                }
                ". Not timed there; " a href="#left-out" { "the reasons" } "."
            }
        }
    }
}

fn group(summary: &Summary, section: &Section) -> Markup {
    let Some(group) = section.group.filter(|group| *group != Group::Memory) else { return html! {} };
    html! {
        section id=(text::short(group)) {
            h2 { (text::group(group)) }
            p { (text::about(group)) }
            @if let Some(svg) = plot::dots::dots(summary, section, text::group(group)) {
                figure.wide {
                    div.scroll { (PreEscaped(svg)) }
                    figcaption { (text::DOTS) }
                }
            }
            (rows(summary, section, Quantity::Wall))
            details {
                summary { "CPU time of all threads" }
                (rows(summary, section, Quantity::Cpu))
            }
        }
    }
}

/// A row for each workload: the best figure, and everyone's ratio to it.
fn rows(summary: &Summary, section: &Section, quantity: Quantity) -> Markup {
    let ranking = match quantity {
        Quantity::Wall => &section.wall,
        Quantity::Cpu => &section.cpu,
        Quantity::PeakRss => &section.peak_rss,
    };
    let order: Vec<&str> = ranking.standings.iter().map(|standing| standing.subject.as_str()).collect();
    html! {
        div.scroll {
            table.heat {
                thead {
                    tr {
                        th scope="col" { "workload" }
                        th scope="col" { "best, " (text::unit(quantity)) }
                        @for subject in &order { th.ours[*subject == OURS] scope="col" { (subject) } }
                    }
                }
                tbody {
                    @for row in summary.headlines(section.group) {
                        tr {
                            th scope="row" title=(row.workload.about) { (row.label()) }
                            td { (best(row, quantity)) }
                            @for subject in &order { (cell(row, subject, quantity)) }
                        }
                    }
                }
                tfoot {
                    tr {
                        th scope="row" { "geometric mean" }
                        td {}
                        @for subject in &order { (mean(ranking, subject)) }
                    }
                }
            }
        }
    }
}

fn best(row: &Row, quantity: Quantity) -> String {
    let medians = row.all_measured().map(|(_, measured)| measured.quantity(quantity).estimate.median);
    medians.reduce(f64::min).map_or("-".into(), |best| text::value(quantity, best))
}

fn cell(row: &Row, subject: &str, quantity: Quantity) -> Markup {
    let outcome = row.cells.iter().find(|cell| cell.subject == subject).map(|Cell { outcome, .. }| outcome);
    html! {
        @match outcome {
            Some(Outcome::Measured(measured)) => {
                @let compared = measured.quantity(quantity);
                @let (value, unit) = (text::value(quantity, compared.estimate.median), text::unit(quantity));
                td class=(step(compared.to_best.value, compared.to_best.value == 1.0))
                    title={ (value) " " (unit) ", ratio's 95 % interval " (text::interval(&compared.to_best.interval)) } {
                    (text::ratio(compared.to_best.value))
                }
            }
            Some(Outcome::Wrong(reason)) => td.fault title=(reason) { "wrong" },
            Some(Outcome::Crashed(reason)) => td.fault title=(reason) { "crashed" },
            Some(Outcome::NotRun) | None => td.none { "-" },
        }
    }
}

fn scaling(results: &Results, summary: &Summary) -> Markup {
    let curves = summary.scaling();
    html! {
        @if !curves.is_empty() {
            section #scaling {
                h2 { "Scaling" }
                figure.wide {
                    p.legend { @for subject in &summary.subjects { span { (name(summary, subject)) } } }
                    div.panels.large {
                        @for svg in plot::scaling::panels(&curves, &summary.subjects, results.machine.cpus) {
                            (PreEscaped(svg))
                        }
                    }
                    figcaption { (text::SCALING) }
                }
            }
        }
    }
}

fn memory(summary: &Summary) -> Markup {
    html! {
        section #memory {
            h2 { "Memory" }
            h3 { "Peak resident set" }
            (rows(summary, &summary.overall, Quantity::PeakRss))
            @let mut workloads: Vec<&str> = summary.curves.iter().map(|curve| curve.workload.as_str()).collect();
            @let () = workloads.dedup();
            @for workload in workloads {
                @let curves: Vec<&MemoryCurve> = summary.curves.iter().filter(|curve| curve.workload == workload).collect();
                h3 { (workload) }
                @if let Some(row) = summary.headlines(None).find(|row| row.workload.name == workload) {
                    p { (row.workload.about) }
                }
                figure.wide {
                    div.panels { @for svg in plot::curves::panels(&curves, &summary.subjects) { (PreEscaped(svg)) } }
                    figcaption { (text::CURVES) " Phases: " (text::phases(&curves)) "." }
                }
                (phases(summary, &curves))
            }
        }
    }
}

/// What each allocator has resident at the end of each phase.
fn phases(summary: &Summary, curves: &[&MemoryCurve]) -> Markup {
    let Some(first) = curves.first() else { return html! {} };
    html! {
        div.scroll {
            table {
                thead {
                    tr {
                        th scope="col" { "allocator" }
                        @for end in &first.phases { th scope="col" { (end.phase.name) } }
                    }
                }
                tbody {
                    @for curve in curves {
                        tr.ours[curve.subject == OURS] {
                            th scope="row" { (name(summary, &curve.subject)) }
                            @for end in &curve.phases {
                                td {
                                    (text::mib(end.rss_bytes as f64))
                                    @if let Some(overhead) = end.overhead() { small { " " (text::ratio(overhead)) " ×" } }
                                }
                            }
                        }
                    }
                }
            }
        }
        p.note { "RSS in MiB at the end of each phase, and over the live bytes." }
    }
}

/// Instructions, where they were counted.
fn instructions(summary: &Summary) -> Markup {
    let counted = |row: &&Row| row.all_measured().any(|(_, measured)| measured.instructions.is_some());
    let rows: Vec<&Row> = summary.headlines(None).filter(counted).collect();
    html! {
        @if !rows.is_empty() {
            section #instructions {
                h2 { "Instructions" }
                p { (text::INSTRUCTIONS) }
                div.scroll {
                    table {
                        thead {
                            tr {
                                th scope="col" { "workload" }
                                @for subject in &summary.subjects { th.ours[subject == OURS] scope="col" { (subject) } }
                            }
                        }
                        tbody {
                            @for row in rows {
                                @let counts = row.all_measured().filter_map(|(_, measured)| measured.instructions);
                                @let least = counts.min();
                                tr {
                                    th scope="row" { (row.label()) }
                                    @for subject in &summary.subjects {
                                        @let count = row.measured(subject).and_then(|measured| measured.instructions);
                                        td.best[count.is_some() && count == least] {
                                            (count.map_or("-".into(), text::millions))
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Who is not in the tables, wholly or in places, and why.
fn left_out(results: &Results, summary: &Summary) -> Markup {
    let faults = summary.faults();
    let skipped: Vec<_> = text::skipped(results).collect();
    html! {
        @if !faults.is_empty() || !skipped.is_empty() {
            section #left-out {
                h2 { "Left out" }
                ul {
                    @for fault in &faults {
                        li { strong { (fault.subject) } " " (fault) }
                    }
                    @for subject in &skipped {
                        li { strong { (subject.name) } " skipped: " (subject.note) }
                    }
                }
            }
        }
    }
}

fn goals_table(goals: &[Goal]) -> Markup {
    html! {
        section #goals {
            h2 { "What cenote is to reach" }
            div.scroll {
                table.goals {
                    thead { tr { th scope="col" { "goal" } th scope="col" { "this run" } th scope="col" { "to be" } th scope="col" {} } }
                    tbody {
                        @for goal in goals {
                            @let (value, bound) = text::goal(goal);
                            tr { th scope="row" { (goal.what) } td { (value) } td { (bound) } td { (text::reached(goal)) } }
                        }
                    }
                }
            }
        }
    }
}

fn circumstances(results: &Results, summary: &Summary) -> Markup {
    html! {
        section #circumstances {
            h2 { "How this was measured" }
            p { (text::profile(results)) }
            ul { @for sentence in text::METHOD { li { (sentence) } } }
            p { (text::noise(summary)) }
            h3 { "What the numbers cannot show" }
            ul { @for sentence in text::LIMITS { li { (sentence) } } }
            h3 { "Machine" }
            dl {
                @for (name, value) in text::machine(&results.machine) { dt { (name) } dd { (value) } }
                dt { "Build profile" } dd { (results.profile) }
                dt { "Measured" } dd { (text::date(results)) ", in " (text::duration(results)) }
            }
            h3 { "Versions" }
            dl {
                @for subject in text::measured(results) {
                    dt { (subject.name) } dd { (subject.version) @if !subject.note.is_empty() { ", " (subject.note) } }
                }
            }
            h3 { "Repeat it" }
            pre { code { (results.command) } }
        }
    }
}
