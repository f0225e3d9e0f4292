//! The bars: what cenote is held to.

use cenote_bench::allocators::Subject;
use cenote_bench::scenarios::{Outcome, Scenario, THREADS};
use cenote_bench::table::{mib, ms};

/// Peers differ by less than this from run to run where nothing can be given back.
const SAME_RSS: f64 = 1.01;

/// What a scenario is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    /// The heading of its column, with the unit.
    pub heading: &'static str,
    /// The quantity in that unit.
    pub of: fn(&Outcome) -> f64,
}

/// The quantity `scenario` is judged by.
pub fn quantity(scenario: Scenario) -> Quantity {
    match scenario {
        Scenario::Gib64 => Quantity { heading: "peak RSS / live", of: |o| o.peak_bytes as f64 / o.live_bytes as f64 },
        Scenario::FreeAll | Scenario::Survivors(_) | Scenario::Random95 => {
            Quantity { heading: "RSS at the end, MiB", of: |o| mib(o.end_bytes) }
        }
        Scenario::Refill(_) | Scenario::Oscillate => Quantity { heading: "CPU time, ms", of: |o| ms(o.cpu_ns as f64) },
        Scenario::ThreadCost => {
            Quantity { heading: "RSS per thread, KiB", of: |o| o.end_bytes as f64 / THREADS as f64 / 1024.0 }
        }
        Scenario::Idle => Quantity { heading: "memory, KiB", of: |o| o.end_bytes as f64 / 1024.0 },
    }
}

/// An upper bound in the unit of the scenario's [`Quantity`].
#[derive(Clone, Debug)]
pub struct Bar {
    /// The bound in words.
    pub words: &'static str,
    /// The bound; none when what it is relative to was not measured.
    pub bound: Option<f64>,
}

/// What is known about one allocator in one scenario.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The allocator.
    pub subject: Subject,
    /// Whether purging was switched off.
    pub purge_off: bool,
    /// The medians.
    pub outcome: Outcome,
}

/// The bar cenote is held to in `scenario`, given all that was measured in it; none where there is no bar.
pub fn bar(scenario: Scenario, entries: &[Entry]) -> Option<Bar> {
    let value = |entry: &Entry| (quantity(scenario).of)(&entry.outcome);
    let find = |name: &str, purge_off: bool| {
        entries.iter().find(|entry| entry.subject.name() == name && entry.purge_off == purge_off)
    };
    let fixed = |words, bound| Some(Bar { words, bound: Some(bound) });
    match scenario {
        Scenario::Gib64 => fixed("1.05", 1.05),
        Scenario::FreeAll => Some(Bar {
            words: "5 % of the peak + 4 MiB",
            bound: find("cenote", false).map(|entry| 0.05 * mib(entry.outcome.peak_bytes) + 4.0),
        }),
        Scenario::Survivors(20) => fixed("220 MiB", 220.0),
        Scenario::Survivors(1000) => fixed("35 MiB", 35.0),
        Scenario::Survivors(100_000) => fixed("8 MiB", 8.0),
        Scenario::Refill(1000) => {
            Some(Bar { words: "1.10 x mimalloc", bound: find("mimalloc", false).map(|entry| 1.10 * value(entry)) })
        }
        Scenario::Random95 => Some(Bar {
            words: "the best peer, within 1 %",
            bound: entries.iter().filter(|e| e.subject.is_peer()).map(value).reduce(f64::min).map(|b| SAME_RSS * b),
        }),
        Scenario::Oscillate => {
            Some(Bar { words: "1.10 x purging off", bound: find("cenote", true).map(|entry| 1.10 * value(entry)) })
        }
        Scenario::ThreadCost => fixed("32 KiB", 32.0),
        Scenario::Survivors(_) | Scenario::Refill(_) | Scenario::Idle => None,
    }
}
