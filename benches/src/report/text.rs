//! Numbers with their units, and the sentences that all reports share.

use crate::statistics::verdict::original;
use crate::statistics::{Goal, Interval, MemoryCurve, Quantity, Summary};
use cenote_bench_protocol::{Group, Machine, Results, Subject};
use std::time::{Duration, UNIX_EPOCH};

const NS_PER_MS: f64 = 1e6;
const BYTES_PER_MIB: f64 = (1 << 20) as f64;

/// A group's name, as a heading.
pub(super) const fn group(group: Group) -> &'static str {
    match group {
        Group::Micro => "Micro",
        Group::Field => "The field's benchmarks",
        Group::Program => "Real programs' work",
        Group::Memory => "Memory over time",
    }
}

/// A group's name, as a column.
pub(super) const fn short(group: Group) -> &'static str {
    match group {
        Group::Micro => "micro",
        Group::Field => "field",
        Group::Program => "program",
        Group::Memory => "memory",
    }
}

/// What a group's workloads are.
pub(super) const fn about(group: Group) -> &'static str {
    match group {
        Group::Micro => "Loops of allocations and little else: the allocator itself.",
        Group::Field => "What allocators have been measured with for decades, written anew in Rust.",
        Group::Program => "Real crates doing their work. The allocator is a few percent of it, so good ones are close.",
        Group::Memory => "Resident memory while a program grows, frees, idles and grows differently.",
    }
}

/// Nanoseconds as milliseconds, with three digits that mean something.
pub(super) fn ms(nanoseconds: f64) -> String {
    digits(nanoseconds / NS_PER_MS)
}

/// Bytes as MiB, with three digits that mean something.
pub(super) fn mib(bytes: f64) -> String {
    digits(bytes / BYTES_PER_MIB)
}

/// A quantity's value in its unit, without the unit.
pub(super) fn value(quantity: Quantity, value: f64) -> String {
    match quantity {
        Quantity::Wall | Quantity::Cpu => ms(value),
        Quantity::PeakRss => mib(value),
    }
}

/// The unit that [`value`] writes a quantity in.
pub(super) const fn unit(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Wall | Quantity::Cpu => "ms",
        Quantity::PeakRss => "MiB",
    }
}

fn digits(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// A count in millions.
pub(super) fn millions(count: u64) -> String {
    digits(count as f64 / 1e6)
}

/// A ratio.
pub(super) fn ratio(value: f64) -> String {
    digits(value)
}

/// An interval of ratios.
pub(super) fn interval(interval: &Interval) -> String {
    format!("{:.3} to {:.3}", interval.low, interval.high)
}

/// A factor above 1 as a percentage.
pub(super) fn percent(factor: f64) -> String {
    format!("{:.1} %", (factor - 1.0) * 100.0)
}

/// When the run began.
pub(super) fn date(results: &Results) -> String {
    let begun = UNIX_EPOCH + Duration::from_secs(results.begun_unix_s);
    humantime::format_rfc3339_seconds(begun).to_string().replace('T', " ").replace('Z', " UTC")
}

/// How long the run took.
pub(super) fn duration(results: &Results) -> String {
    humantime::format_duration(Duration::from_secs(results.took_s.max(0.0).round() as u64)).to_string()
}

/// What is known of the machine, as names and values.
pub(super) fn machine(machine: &Machine) -> Vec<(&'static str, String)> {
    let memory = format!("{:.1} GiB", machine.memory_bytes as f64 / (1 << 30) as f64);
    vec![
        ("Processor", format!("{}, {} usable", machine.cpu, machine.cpus)),
        ("Memory", memory),
        ("System", machine.system.clone()),
        ("C library", machine.libc.clone()),
        ("Compiler", machine.rustc.clone()),
        ("Transparent huge pages", machine.huge_pages.clone()),
    ]
}

/// The allocators that were measured, without second copies.
pub(super) fn measured(results: &Results) -> impl Iterator<Item = &Subject> {
    results.subjects.iter().filter(|subject| subject.present && original(&subject.name) == subject.name)
}

/// The allocators that were asked for and not measured.
pub(super) fn skipped(results: &Results) -> impl Iterator<Item = &Subject> {
    results.subjects.iter().filter(|subject| !subject.present)
}

/// What the null comparison says, in a sentence.
pub(super) fn noise(summary: &Summary) -> String {
    match &summary.noise {
        None => "There was no null comparison, so the machine's noise is not known.".into(),
        Some(noise) => format!(
            "A second copy of {} ran among the others in {} workloads. The two differ in wall time by {} in half of them \
             and by no more than {} in nine of ten; in peak RSS by {} and {}. What is smaller than that means nothing in \
             a single row.",
            noise.subject,
            noise.rows,
            percent(noise.wall.typical),
            percent(noise.wall.floor),
            percent(noise.peak_rss.typical),
            percent(noise.peak_rss.floor),
        ),
    }
}

/// A goal's value and bound.
pub(super) fn goal(goal: &Goal) -> (String, String) {
    let value = match (goal.value, &goal.interval) {
        (None, _) => "not measured".to_string(),
        (Some(value), None) => format!("{value:.3}"),
        (Some(value), Some(range)) => format!("{value:.3} ({})", interval(range)),
    };
    (value, format!("{} {:.2}", if goal.at_least { "≥" } else { "≤" }, goal.bound))
}

/// Whether a goal is reached, in a word.
pub(super) fn reached(goal: &Goal) -> &'static str {
    match goal.is_reached() {
        Some(true) => "reached",
        Some(false) => "missed",
        None => "-",
    }
}

/// What the marks of a group's picture show.
pub(super) const DOTS: &str = "Each line is a workload, each mark an allocator's median; the bars are 95 % intervals of the ratio. Further \
     left is better. What is four times the best or more stands at the right edge; the table has the figure.";

/// What counts of instructions are.
pub(super) const INSTRUCTIONS: &str = "Counted by valgrind, in millions; the fewest are marked. An instruction is not a \
     time: cache misses and page faults do not show.";

/// What memory curves show.
pub(super) const CURVES: &str = "The filled curve is resident memory, the dark line below it the bytes that the program \
     has in use, the dashed line cenote's resident memory; of each allocator's runs the one of median height.";

/// What scaling curves show.
pub(super) const SCALING: &str = "The dashed line is what the fastest at the fewest threads would do if every further \
     processor did as much. A pass is the same work at any number of threads unless the workload's description says \
     otherwise.";

/// The phases of a memory workload with their numbers in the pictures.
pub(super) fn phases(curves: &[&MemoryCurve]) -> String {
    let phases = curves.first().map_or(&[][..], |curve| &curve.phases[..]);
    let named = phases.iter().enumerate().map(|(index, end)| format!("{} {}", index + 1, end.phase.name));
    named.collect::<Vec<_>>().join(", ")
}

/// Whether the allocators' programs were built with fat link-time optimisation; if not, by the ordinary release profile.
pub(super) fn has_lto(results: &Results) -> bool {
    results.profile == "lto"
}

/// How the allocators' programs were built.
pub(super) fn profile(results: &Results) -> &'static str {
    if has_lto(results) {
        "The programs were built with fat link-time optimisation, as a Rust program is that asks for it: allocators in Rust \
         are inlined into them, those in C and C++ are not."
    } else {
        "The programs were built by the ordinary release profile, in which no allocator is inlined."
    }
}

/// How the figures came about.
pub(super) const METHOD: &[&str] = &[
    "Every figure comes from processes of their own: one run of one workload with one allocator as the program's \
     #[global_allocator], so that time, page faults and resident memory belong to it alone.",
    "The workloads are compiled once and linked to each allocator. Every repetition visits all workloads with all \
     allocators in random order, so that slow minutes of the machine hit all alike.",
    "Real programs start cold: another process makes their inputs, so that their allocator has served nothing before.",
    "Each repetition has data of its own, the same for all allocators: whether a text is just longer or just shorter than \
     a buffer that doubles should not decide a row.",
    "A visit runs all allocators one after the other, within seconds. How much slower or faster than usual the machine was \
     then is the median of what they say, each beside its own median, and is taken out of the times before they are \
     compared; the samples written to the file are as measured.",
    "An allocator that takes more than one and a half times the best one's time in each visit of a workload runs there ever \
     less often, as scaling curves do: time is spent on comparisons that are close.",
    "A figure is the median over the repetitions; its interval is a bootstrap's, of 95 % coverage. With five samples or \
     fewer the interval is their whole range.",
    "A ratio is to the best allocator of the row, cenote included: the best one has 1.00. A group's figure is the \
     geometric mean of its rows' ratios. Rows count alike.",
    "Every workload checks its answer. An allocator that gave a wrong one, damaged a block, crashed or hung is named and \
     not timed in that row, and ranks behind those that did everything.",
];

/// What the numbers cannot show.
pub(super) const LIMITS: &[&str] = &[
    "Your program. The allocator is a few percent of most; measure it with the allocators that lead here.",
    "Other machines. Caches, page sizes, core counts and kernels move the order; the command below is for yours.",
    "Differences below the noise stated above. The best of a row is the luckiest too: with many allocators that are \
     alike, one of them comes out first.",
    "Latency. A median of passes says nothing of the slowest allocation in a million.",
    "Days. Runs last a fraction of a second, memory curves some seconds; fragmentation that takes weeks is not seen.",
    "Safety. An allocator with guards, quarantines or checks pays for them, and no figure here thanks it for that.",
];
