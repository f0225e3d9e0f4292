//! Memory over time: what allocators keep, give back, and pay for it; with the bars cenote is held to.
//!
//! Every scenario runs in a process of its own for each allocator.

mod bars;

use bars::{Bar, Entry};
use cenote_bench::allocators::Subject;
use cenote_bench::part;
use cenote_bench::scenarios::{Outcome, Scenario};
use cenote_bench::statistics::median;
use cenote_bench::table::{self, mib, ms};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

/// Measures what allocators keep, give back, and pay for it.
#[derive(Parser, Debug)]
#[command(version)]
struct Arguments {
    /// Only this scenario; may be given several times.
    #[arg(long, value_name = "NAME")]
    scenario: Vec<Scenario>,

    /// Only this allocator; may be given several times.
    #[arg(long, value_name = "NAME")]
    alloc: Vec<Subject>,

    /// How often each scenario runs with each allocator [default: 5 where CPU time is judged, else 1].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    reps: Option<u32>,

    /// End with an error when cenote misses a bar.
    #[arg(long)]
    assert: bool,

    /// Also write the medians and the bars to this file.
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,

    /// Name the scenarios, and end.
    #[arg(long)]
    list: bool,
}

/// Everything measured in one scenario.
#[derive(Debug)]
struct Measured {
    scenario: Scenario,
    entries: Vec<Entry>,
    bar: Option<Bar>,
}

/// How cenote stands to a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Met,
    Missed,
    /// cenote, or what the bar is relative to, was not measured.
    NotJudged,
}

impl Arguments {
    fn measure(&self, scenario: Scenario, progress: &ProgressBar) -> Result<Measured, String> {
        let subjects = if self.alloc.is_empty() { Subject::ALL } else { &self.alloc };
        let mut variants: Vec<(Subject, bool)> = subjects.iter().map(|&subject| (subject, false)).collect();
        if scenario == Scenario::Oscillate && subjects.contains(&Subject::Cenote) {
            variants.push((Subject::Cenote, true));
        }
        let reps = self.reps.unwrap_or(match scenario {
            Scenario::Gib64 | Scenario::Refill(_) | Scenario::Oscillate => 5,
            _ => 1,
        });
        let mut outcomes: Vec<Vec<Outcome>> = vec![Vec::new(); variants.len()];
        for rep in 1..=reps {
            for (&(subject, purge_off), outcomes) in variants.iter().zip(&mut outcomes) {
                progress.set_message(format!("{scenario} {subject} {rep}/{reps}"));
                let environment: &[_] = if purge_off { &[("CENOTE_PURGE", "off")] } else { &[] };
                match part::run(scenario, subject, environment) {
                    Ok(outcome) => outcomes.push(outcome),
                    // A peer that dies is reported, and the rest goes on.
                    Err(problem) if subject.is_peer() => {
                        progress.suspend(|| eprintln!("memory: {problem}; sample left out"));
                    }
                    Err(problem) => return Err(problem),
                }
            }
        }
        let entries: Vec<Entry> = variants
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcomes)| !outcomes.is_empty())
            .map(|(&(subject, purge_off), outcomes)| Entry { subject, purge_off, outcome: medians(outcomes) })
            .collect();
        let bar = bars::bar(scenario, &entries);
        Ok(Measured { scenario, entries, bar })
    }

    fn measure_all(&self) -> Result<Vec<Measured>, String> {
        let scenarios = if self.scenario.is_empty() { Scenario::ALL } else { &self.scenario };
        let progress = ProgressBar::new(scenarios.len() as u64)
            .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}").expect("a valid template"));
        let mut all = Vec::new();
        for &scenario in scenarios {
            let measured = self.measure(scenario, &progress)?;
            progress.inc(1);
            progress.suspend(|| measured.print());
            all.push(measured);
        }
        progress.finish_and_clear();
        Ok(all)
    }
}

/// The median of each field by itself.
fn medians(outcomes: &[Outcome]) -> Outcome {
    let of = |field: fn(&Outcome) -> u64| median(&outcomes.iter().map(|o| field(o) as f64).collect::<Vec<_>>()) as u64;
    Outcome {
        peak_bytes: of(|o| o.peak_bytes),
        end_bytes: of(|o| o.end_bytes),
        live_bytes: of(|o| o.live_bytes),
        cpu_ns: of(|o| o.cpu_ns),
    }
}

impl Measured {
    /// Whether cenote meets the bar; none where there is no bar.
    fn verdict(&self) -> Option<Verdict> {
        let bar = self.bar.as_ref()?;
        let cenote = self.entries.iter().find(|entry| entry.subject == Subject::Cenote && !entry.purge_off);
        Some(match (cenote, bar.bound) {
            (Some(entry), Some(bound)) if (bars::quantity(self.scenario).of)(&entry.outcome) <= bound => Verdict::Met,
            (Some(_), Some(_)) => Verdict::Missed,
            _ => Verdict::NotJudged,
        })
    }

    fn print(&self) {
        let quantity = bars::quantity(self.scenario);
        println!("{}: {}\n", self.scenario, self.scenario.summary());
        let mut table = table::new(["allocator", quantity.heading, "peak, MiB", "end, MiB", "live, MiB", "CPU, ms"]);
        for entry in &self.entries {
            let outcome = &entry.outcome;
            table.add_row([
                format!("{}{}", entry.subject, if entry.purge_off { ", purging off" } else { "" }),
                format!("{:.2}", (quantity.of)(outcome)),
                format!("{:.2}", mib(outcome.peak_bytes)),
                format!("{:.2}", mib(outcome.end_bytes)),
                format!("{:.2}", mib(outcome.live_bytes)),
                format!("{:.1}", ms(outcome.cpu_ns as f64)),
            ]);
        }
        if let (Some(bar), Some(verdict)) = (&self.bar, self.verdict()) {
            let bound = bar.bound.map_or("-".to_string(), |bound| format!("<= {bound:.2}"));
            table.add_row([format!("bar: {}", bar.words), bound, format!("{verdict:?}")]);
        }
        println!("{table}\n");
    }

    fn to_json(&self) -> serde_json::Value {
        let quantity = bars::quantity(self.scenario);
        let entries: Vec<_> = self
            .entries
            .iter()
            .map(|entry| {
                serde_json::json!({
                    "allocator": entry.subject.name(),
                    "purge_off": entry.purge_off,
                    "value": (quantity.of)(&entry.outcome),
                    "median": entry.outcome,
                })
            })
            .collect();
        serde_json::json!({
            "scenario": self.scenario.to_string(),
            "quantity": quantity.heading,
            "entries": entries,
            "bar": self.bar.as_ref().and_then(|bar| bar.bound),
            "verdict": self.verdict(),
        })
    }
}

fn main() -> ExitCode {
    if part::serve() {
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::parse();
    if arguments.list {
        for scenario in Scenario::ALL {
            println!("{scenario:16} {}", scenario.summary());
        }
        return ExitCode::SUCCESS;
    }
    let all = match arguments.measure_all() {
        Ok(all) => all,
        Err(message) => {
            eprintln!("memory: {message}");
            return ExitCode::FAILURE;
        }
    };
    if let Some(path) = &arguments.json {
        let document = serde_json::Value::from(all.iter().map(Measured::to_json).collect::<Vec<_>>());
        if let Err(e) = std::fs::write(path, format!("{document:#}\n")) {
            eprintln!("memory: {}: {e}", path.display());
            return ExitCode::FAILURE;
        }
    }
    let missed: Vec<String> =
        all.iter().filter(|m| m.verdict() == Some(Verdict::Missed)).map(|m| m.scenario.to_string()).collect();
    if !missed.is_empty() {
        println!("cenote misses the bar of: {}", missed.join(", "));
    }
    if arguments.assert && !missed.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
