//! Which allocators and workloads the command line means.

use crate::cli::{Mode, Run};
use crate::subjects::{PEERS, Peer, Tier};
use anyhow::{Result, bail};
use cenote_bench_protocol::{Group, WorkloadInfo};

/// The numbers of threads of the scaling curves of `--full`: more than the cores of most machines.
pub const SCALING: &[usize] = &[1, 2, 4, 8, 16];

/// The allocators that `run` asks for, cenote first.
///
/// # Errors
/// When it names one that does not exist.
pub fn peers(run: &Run) -> Result<Vec<&'static Peer>> {
    for name in &run.alloc {
        if Peer::named(name).is_none() {
            let names: Vec<_> = PEERS.iter().map(|peer| peer.name).collect();
            bail!("there is no allocator {name}; there are {}", names.join(", "));
        }
    }
    let asked = |peer: &&Peer| match run.alloc.is_empty() {
        true => peer.tier == Tier::Usual || run.mode() == Mode::Full,
        false => run.alloc.iter().any(|name| name == peer.name),
    };
    Ok(PEERS.iter().filter(asked).collect())
}

/// The workloads whose crates take minutes to build: part of `--full`, otherwise on request.
pub const HEAVY: &[&str] = &["arrow", "tantivy"];

/// Whether `run` wants the workloads that are [`HEAVY`].
pub fn is_heavy(run: &Run) -> bool {
    run.mode() == Mode::Full || run.work.iter().any(|name| HEAVY.contains(&name.as_str()))
}

/// The name of a group in arguments.
pub const fn group_name(group: Group) -> &'static str {
    match group {
        Group::Micro => "micro",
        Group::Field => "field",
        Group::Program => "program",
        Group::Memory => "memory",
    }
}

/// Those of all workloads, `known`, that `run` asks for.
///
/// # Errors
/// When it names one that does not exist, or nothing is left.
pub fn workloads(known: Vec<WorkloadInfo>, run: &Run) -> Result<Vec<WorkloadInfo>> {
    let means = |name: &str, workload: &WorkloadInfo| name == workload.name || name == group_name(workload.group);
    for name in &run.work {
        if !known.iter().any(|workload| means(name, workload)) {
            bail!("there is no workload and no group {name}; `cenote-bench list` names them");
        }
    }
    let asked = |workload: &WorkloadInfo| match run.work.is_empty() {
        true => run.mode() != Mode::Quick || workload.quick,
        false => run.work.iter().any(|name| means(name, workload)),
    };
    let chosen: Vec<_> = known.into_iter().filter(asked).collect();
    if chosen.is_empty() {
        bail!("no workload is left to run");
    }
    Ok(chosen)
}

/// With how many threads `workload` runs; none is its own number.
pub fn threads(workload: &WorkloadInfo, run: &Run) -> Vec<Option<usize>> {
    let counts = match (run.threads.is_empty(), run.mode()) {
        (false, _) => run.threads.as_slice(),
        (true, Mode::Full) => SCALING,
        (true, _) => &[],
    };
    if !workload.scales || workload.group == Group::Memory || counts.is_empty() {
        return vec![None];
    }
    // Its own number is part of a curve without being run twice, and of every run that was not asked for other numbers.
    let mut settings: Vec<Option<usize>> =
        counts.iter().map(|&count| Some(count).filter(|&count| count != workload.threads)).collect();
    if run.threads.is_empty() {
        settings.push(None);
    }
    settings.sort_unstable();
    settings.dedup();
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    fn run(arguments: &[&str]) -> Run {
        Cli::try_parse_from(["cenote-bench"].iter().chain(arguments)).unwrap().run
    }

    fn workload(name: &str, group: Group, quick: bool) -> WorkloadInfo {
        let threads = if group == Group::Field { 2 } else { 1 };
        WorkloadInfo { name: name.into(), group, about: String::new(), quick, scales: threads > 1, threads }
    }

    fn known() -> Vec<WorkloadInfo> {
        vec![
            workload("pairs", Group::Micro, true),
            workload("churn", Group::Micro, false),
            workload("larson", Group::Field, false),
        ]
    }

    fn names(run: &Run) -> Vec<String> {
        workloads(known(), run).unwrap().into_iter().map(|workload| workload.name).collect()
    }

    #[test]
    fn references_and_heavy_builds_are_part_of_full_only() {
        let usual = peers(&run(&[])).unwrap();
        assert!(usual.iter().all(|peer| peer.tier == Tier::Usual));
        assert_eq!(peers(&run(&["--full"])).unwrap().len(), PEERS.len());
        assert_eq!(peers(&run(&["--alloc", "dlmalloc,cenote"])).unwrap()[1].name, "dlmalloc");
    }

    #[test]
    fn heavy_workloads_are_built_for_full_and_when_named() {
        assert!(is_heavy(&run(&["--full"])) && is_heavy(&run(&["--work", "larson,tantivy"])));
        assert!(!is_heavy(&run(&[])) && !is_heavy(&run(&["--work", "program"])));
    }

    #[test]
    fn unknown_names_are_errors_that_say_what_there_is() {
        let told = peers(&run(&["--alloc", "malloc"])).unwrap_err().to_string();
        assert!(told.contains("no allocator malloc") && told.contains("jemalloc"), "{told}");
        let told = workloads(known(), &run(&["--work", "larsen"])).unwrap_err().to_string();
        assert!(told.contains("larsen") && told.contains("list"), "{told}");
        assert!(workloads(Vec::new(), &run(&[])).is_err());
    }

    #[test]
    fn workloads_are_chosen_by_mode_name_and_group() {
        assert_eq!(names(&run(&[])), ["pairs", "churn", "larson"]);
        assert_eq!(names(&run(&["--quick"])), ["pairs"]);
        assert_eq!(names(&run(&["--work", "micro"])), ["pairs", "churn"]);
        assert_eq!(names(&run(&["--quick", "--work", "larson,pairs"])), ["pairs", "larson"]);
    }

    #[test]
    fn only_who_scales_is_given_a_number_of_threads() {
        let (one, two) = (workload("pairs", Group::Micro, true), workload("larson", Group::Field, false));
        assert_eq!(threads(&one, &run(&["--full"])), [None]);
        assert_eq!(threads(&two, &run(&[])), [None]);
        assert_eq!(threads(&two, &run(&["--full"])), [None, Some(1), Some(4), Some(8), Some(16)]);
        assert_eq!(threads(&two, &run(&["--threads", "4,1,4"])), [Some(1), Some(4)]);
        assert_eq!(threads(&two, &run(&["--threads", "2"])), [None]);
    }
}
