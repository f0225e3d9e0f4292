//! cenote measured against its peers.
//!
//! The suite is three packages: the workloads of `workloads/`, the programs of `subjects/`, each
//! of which runs them with its own `#[global_allocator]`, and this one, the runner, which builds the subjects, starts one
//! process for each run and tells what it cost. The runner links no allocator and no workload.
//!
//! | module | what it holds |
//! |---|---|
//! | [`suite`] | a run from the command line to its files |
//! | [`cli`], [`selection`] | the command line, and which allocators and workloads it means |
//! | [`subjects`], [`tools`] | the allocators, what each needs to be built, and whether the machine has it |
//! | [`builder`] | building their programs by cargo |
//! | [`child`], [`pool`], [`interrupt`] | one process, several at once, and the user's Ctrl-C |
//! | [`schedule`], [`session`] | which run comes next, and the measuring itself |
//! | [`check`], [`icount`] | what is not measured by the clock: checked runs, counted instructions |
//! | [`machine`], [`results`] | what the machine is, and the files of results |
//! | [`statistics`] | what the samples of a run say |
//! | [`report`] | what a run looks like: terminal, page, documentation |
//!
//! The feature `in-process` adds two instruments of cenote's own, `memory` and `icount`, whose bars it must hold:
//!
//! | module | what it holds |
//! |---|---|
//! | `allocators` | the allocators under test and the one place that names their types |
//! | `scenarios` | the programs that watch memory over time |
//! | `measure` | the CPU clock and the resident set |
//! | `block` | blocks that carry a pattern and are checked against it |
//! | `part` | running one scenario in a process of its own |
//! | `table` | printing |
//! | `pairs` | the program whose instructions `icount` counts |

#[cfg(feature = "in-process")]
pub mod allocators;
#[cfg(feature = "in-process")]
pub mod block;
pub mod builder;
pub mod check;
pub mod child;
pub mod cli;
pub mod icount;
pub mod interrupt;
pub mod machine;
#[cfg(feature = "in-process")]
pub mod measure;
#[cfg(feature = "in-process")]
pub mod pairs;
#[cfg(feature = "in-process")]
pub mod part;
pub mod pool;
pub mod report;
pub mod results;
#[cfg(feature = "in-process")]
pub mod scenarios;
pub mod schedule;
pub mod selection;
pub mod session;
pub mod statistics;
pub mod subjects;
pub mod suite;
#[cfg(feature = "in-process")]
pub mod table;
pub mod tools;
