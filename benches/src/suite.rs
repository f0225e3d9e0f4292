//! A run of the suite from the command line to its files.

use crate::builder::{self, Built, Outcome, Recipe, Workspace};
use crate::check;
use crate::child;
use crate::cli::Run;
use crate::icount;
use crate::interrupt::Interrupt;
use crate::machine;
use crate::report;
use crate::results;
use crate::selection;
use crate::session::{Contender, Effort, Session};
use crate::statistics::{self, Summary, verdict};
use crate::subjects::{PEERS, Peer, Tier};
use crate::tools::missing;
use anyhow::{Context, Result, bail};
use cenote_bench_protocol::{Machine, Results, Subject, WorkloadInfo};
use comfy_table::{ContentArrangement, Table, presets};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a program may take to say which workloads it has.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);

/// The subjects that can be run, and what the results say of all that were asked for.
struct Field {
    built: Vec<Built>,
    workloads: Vec<WorkloadInfo>,
    roll: Vec<Subject>,
}

/// Builds the subjects, asks each for its workloads, and tells who is not there.
fn assemble(workspace: &Workspace, peers: &[&'static Peer], recipe: Recipe) -> Result<Field> {
    eprintln!("building {} allocators' programs (profile {})", peers.len(), recipe.profile());
    let mut outcome = workspace.build(peers, recipe)?;
    let mut workloads = None;
    let mut built = Vec::new();
    for one in outcome.built {
        match child::list(&one.program, LIST_TIMEOUT) {
            Ok(list) => {
                workloads.get_or_insert(list);
                built.push(one);
            }
            Err(death) => outcome.skipped.push((one.peer, format!("builds, but does not run: {death}"))),
        }
    }
    let outcome = Outcome { built, skipped: outcome.skipped };
    for (peer, why) in &outcome.skipped {
        eprintln!("without {}: {why}", peer.name);
    }
    let roll = builder::roll(peers, &outcome, &workspace.commit());
    let Some(workloads) = workloads else { bail!("no allocator is left to measure") };
    Ok(Field { built: outcome.built, workloads, roll })
}

fn contenders(built: &[Built]) -> Vec<Contender> {
    built.iter().map(|one| Contender { name: one.peer.name.into(), program: one.program.clone() }).collect()
}

/// A second copy of the first allocator: what lies between the two is the machine's noise.
fn null_copy(first: &Contender) -> Result<(Contender, Subject)> {
    let name = verdict::copy_of(&first.name);
    let program = first.program.with_file_name(format!("subject-{name}"));
    builder::copy(&first.program, &program)?;
    let note = format!("the same program as {}, to see the machine's noise", first.name);
    let subject = Subject { name: name.clone(), version: String::new(), note, present: true };
    Ok((Contender { name, program }, subject))
}

/// Measures, and shows and writes what came of it.
///
/// # Errors
/// When nothing can be measured, or the files cannot be written. A peer that fails is no error.
pub fn measure(run: &Run) -> Result<()> {
    let peers = selection::peers(run)?;
    let workspace = Workspace::find()?;
    let recipe = Recipe { lto: run.lto, check: false, heavy: selection::is_heavy(run) };
    let Field { built, workloads, mut roll } = assemble(&workspace, &peers, recipe)?;
    let workloads = selection::workloads(workloads, run)?;
    let mut contenders = contenders(&built);
    let (copy, subject) = null_copy(&contenders[0])?;
    contenders.push(copy);
    roll.push(subject);

    let effort = Effort::new(run);
    let interrupt = Interrupt::listen()?;
    let begun = SystemTime::now();
    let clock = Instant::now();
    eprintln!("measuring {} workloads with {} allocators", workloads.len(), built.len());
    let found = Session::new(&contenders, effort, run.seed, &interrupt).measure(&workloads, run);
    let mut warnings = found.warnings;
    for (name, why) in found.given_up {
        if let Some(subject) = roll.iter_mut().find(|subject| subject.name == name) {
            subject.note = format!("{}; {why}", subject.note);
        }
    }
    let took_s = clock.elapsed().as_secs_f64();

    let mut instructions = Vec::new();
    if run.icount {
        let originals = &contenders[..built.len()];
        match icount::count(originals, &workloads, run.seed, effort.timeout) {
            Ok(counts) => {
                instructions = counts.instructions;
                warnings.extend(counts.warnings);
            }
            Err(error) => warnings.push(format!("{error:#}")),
        }
    }
    let results = Results {
        machine: machine::this(),
        begun_unix_s: begun.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        took_s,
        command: command_line(env::args().skip(1)),
        profile: recipe.profile().into(),
        subjects: roll,
        workloads,
        samples: found.samples,
        instructions,
    };
    show(&results, &warnings);
    let json = run.json.clone().unwrap_or(workspace.output.join("results.json"));
    results::write(&results, &json)?;
    let html = run.html.clone().unwrap_or(workspace.output.join("report.html"));
    write_html(&results, &html)?;
    println!("report   {}\nsamples  {}", html.display(), json.display());
    Ok(())
}

/// The command that does this again, to be pasted into a shell at the repository's root. Where files were written to does
/// not belong to it.
fn command_line(arguments: impl IntoIterator<Item = String>) -> String {
    let mut all = arguments.into_iter();
    let mut arguments: Vec<String> = Vec::new();
    while let Some(argument) = all.next() {
        match argument.split_once('=').map_or(argument.as_str(), |(name, _)| name) {
            "--json" | "--html" if argument.contains('=') => {}
            "--json" | "--html" => _ = all.next(),
            _ => arguments.push(argument),
        }
    }
    let command = "cargo run --release -p cenote-bench";
    if arguments.is_empty() {
        return command.into();
    }
    let quoted = shlex::try_join(arguments.iter().map(String::as_str)).expect("arguments hold no null byte");
    format!("{command} -- {quoted}")
}

/// Prints the tables, and then what else is to be known when reading them.
fn show(results: &Results, warnings: &[String]) {
    report::print_table(&statistics::summary(results));
    for warning in warnings {
        println!("warning: {warning}\n");
    }
}

fn tell_faults(summary: &Summary) {
    for fault in summary.faults() {
        println!("{} {fault}", fault.subject);
    }
}

fn write_html(results: &Results, path: &Path) -> Result<()> {
    report::write_html(results, path).with_context(|| format!("cannot write {}", path.display()))
}

/// Runs every workload once with checked allocators. Returns whether all were right.
///
/// # Errors
/// When nothing can be run.
pub fn check(run: &Run) -> Result<bool> {
    let peers = selection::peers(run)?;
    let workspace = Workspace::find()?;
    let recipe = Recipe { lto: run.lto, check: true, heavy: selection::is_heavy(run) };
    let Field { built, workloads, roll } = assemble(&workspace, &peers, recipe)?;
    let workloads = selection::workloads(workloads, run)?;
    let contenders = contenders(&built);
    let divisor = run.divisor.unwrap_or(check::DIVISOR);
    eprintln!("checking {} allocators in {} workloads", contenders.len(), workloads.len());
    let samples = check::run(&contenders, &workloads, divisor, run.seed, Effort::new(run).timeout);
    let results = Results {
        machine: Machine::default(),
        begun_unix_s: 0,
        took_s: 0.0,
        command: command_line(env::args().skip(1)),
        profile: recipe.profile().into(),
        subjects: roll,
        workloads,
        samples,
        instructions: Vec::new(),
    };
    let summary = statistics::summary(&results);
    let faults = summary.faults();
    for contender in &contenders {
        let wrong = faults.iter().filter(|fault| fault.subject == contender.name).count();
        println!(
            "{}: {} of {} workloads right",
            contender.name,
            results.workloads.len() - wrong,
            results.workloads.len()
        );
    }
    tell_faults(&summary);
    Ok(faults.is_empty())
}

/// Names the workloads and the allocators.
///
/// # Errors
/// When no program can be built to ask.
pub fn list() -> Result<()> {
    let workspace = Workspace::find()?;
    let system = PEERS.iter().filter(|peer| peer.krate.is_none()).collect::<Vec<_>>();
    let recipe = Recipe { lto: false, check: false, heavy: false };
    let field = assemble(&workspace, &system, recipe)?;
    let mut workloads = table(["workload", "group", "threads", "quick", "what it does"]);
    for workload in &field.workloads {
        let threads = if workload.scales { format!("{}, any", workload.threads) } else { workload.threads.to_string() };
        let quick = if workload.quick { "quick" } else { "" };
        workloads.add_row([&workload.name, selection::group_name(workload.group), &threads, quick, &workload.about]);
    }
    let mut allocators = table(["allocator", "what it is", "how it is got"]);
    for peer in PEERS {
        let origin = match peer.krate {
            Some("cenote") => "this repository".into(),
            Some(krate) => format!("the crate {krate}"),
            None => "there already".into(),
        };
        let asked = if peer.tier != Tier::Usual { "; with --full or --alloc" } else { "" };
        let missing = missing(peer.needs).map_or(String::new(), |why| format!("; {why}"));
        allocators.add_row([peer.name, peer.about, &format!("{origin}{asked}{missing}")]);
    }
    let heavy = selection::HEAVY.join(", ");
    println!("{workloads}\nwith --full or --work, as their crates take minutes to build: {heavy}\n\n{allocators}");
    Ok(())
}

fn table<const COLUMNS: usize>(head: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header(head);
    table
}

/// Tells what changed between two results, beyond noise.
///
/// # Errors
/// When they cannot be read.
pub fn compare(before: &Path, after: &Path) -> Result<()> {
    let (before, after) = (results::read(before)?, results::read(after)?);
    report::print_comparison(&statistics::compare(&before, &after));
    Ok(())
}

/// Writes the report of results again.
///
/// # Errors
/// When they cannot be read, or the report cannot be written.
pub fn report(path: &Path, html: Option<PathBuf>) -> Result<()> {
    let results = results::read(path)?;
    let html = html.unwrap_or_else(|| path.with_extension("html"));
    results::make_folder_of(&html)?;
    write_html(&results, &html)?;
    println!("report   {}", html.display());
    Ok(())
}

/// Writes the chapter of the documentation from results.
///
/// # Errors
/// When they cannot be read, or the chapter cannot be written.
pub fn docs(path: &Path, folder: &Path) -> Result<()> {
    let results = results::read(path)?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let chapter = report::write_docs(&results, folder);
    let chapter = chapter.with_context(|| format!("cannot write into {}", folder.display()))?;
    println!("written  {}", chapter.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_pasted() {
        assert_eq!(command_line([]), "cargo run --release -p cenote-bench");
        let arguments = ["--quick", "--json", "my results.json", "--html=page.html", "--work", "a b"].map(String::from);
        assert_eq!(command_line(arguments), "cargo run --release -p cenote-bench -- --quick --work 'a b'");
    }
}
