//! cenote measured against its peers.
//!
//! The suite is three packages: the workloads of `workloads/`, the programs of `subjects/`, each
//! of which runs them with its own `#[global_allocator]`, and this one, the runner, which builds the subjects, starts one
//! process for each run and tells what it cost. The runner links no allocator and no workload.
//!
//! | module | what it holds |
//! |---|---|
//! | [`subjects`] | the allocators, and what each needs to be built |
//! | [`statistics`] | what the samples of a run say |
//! | [`report`] | what a run looks like: terminal, page, documentation |
//!
//! The feature `in-process` adds the older instruments, which link all allocators into one program:
//!
//! | module | what it holds |
//! |---|---|
//! | `allocators` | the allocators under test and the one place that names their types |
//! | `workloads` | the programs of the time and peak-memory tables |
//! | `scenarios` | the programs that watch memory over time |
//! | `measure` | clocks, resident set, and the `Meter` a workload reports to |
//! | `block` | blocks that carry a pattern and are checked against it |
//! | `mapped`, `rng` | memory and randomness that disturb no allocator |
//! | `part` | running one workload or scenario in a process of its own |
//! | `table` | printing |
//! | `pairs` | the program whose instructions `icount` counts |

#[cfg(feature = "in-process")]
pub mod allocators;
#[cfg(feature = "in-process")]
pub mod block;
#[cfg(feature = "in-process")]
pub mod mapped;
#[cfg(feature = "in-process")]
pub mod measure;
#[cfg(feature = "in-process")]
pub mod pairs;
#[cfg(feature = "in-process")]
pub mod part;
pub mod report;
#[cfg(feature = "in-process")]
pub mod rng;
#[cfg(feature = "in-process")]
pub mod scenarios;
pub mod statistics;
pub mod subjects;
#[cfg(feature = "in-process")]
pub mod table;
#[cfg(feature = "in-process")]
pub mod workloads;
