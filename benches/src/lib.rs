//! cenote measured against its peers.
//!
//! | module | what it holds |
//! |---|---|
//! | [`allocators`] | the allocators under test and the one place that names their types |
//! | [`workloads`] | the programs of the time and peak-memory tables |
//! | [`scenarios`] | the programs that watch memory over time |
//! | [`measure`] | clocks, resident set, and the [`Meter`](measure::Meter) a workload reports to |
//! | [`block`] | blocks that carry a pattern and are checked against it |
//! | [`mapped`], [`rng`] | memory and randomness that disturb no allocator |
//! | [`part`] | running one workload or scenario in a process of its own |
//! | [`statistics`] | what the samples of a run say |
//! | [`report`] | what a run looks like: terminal, page, documentation |
//! | [`table`] | tables for terminals and Markdown |
//! | [`pairs`] | the program whose instructions `icount` counts |
//!
//! Every workload is generic over `A: GlobalAlloc` and instantiated once per allocator, so each is inlined as far as its
//! crate allows, as in a program that names it as its `#[global_allocator]`. The harness itself uses the system allocator
//! and takes nothing from any allocator while a clock runs, except where a workload says so.

pub mod allocators;
pub mod block;
pub mod mapped;
pub mod measure;
pub mod pairs;
pub mod part;
pub mod report;
pub mod rng;
pub mod scenarios;
pub mod statistics;
pub mod table;
pub mod workloads;
