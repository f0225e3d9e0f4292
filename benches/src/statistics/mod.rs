//! What the samples of a run say: medians with intervals, ratios, means, noise, and what changed between two runs.
//!
//! | module | what it holds |
//! |---|---|
//! | [`estimate`] | medians, quartiles, and the bootstrap |
//! | [`pace`] | how fast the machine was from visit to visit |
//! | [`verdict`] | which samples count, and which allocators are wrong |
//! | [`summary`](mod@summary) | rows, rankings, curves |
//! | [`noise`] | what a null comparison says of the machine |
//! | [`goals`](mod@goals) | what cenote is to reach |
//! | [`change`] | what differs between two runs |
//!
//! A run's headline is wall-clock time, for workloads of one thread and of many; CPU time is shown beside it. Figures are
//! medians over processes, times as at the machine's usual pace; a group's figure is the geometric mean of its workloads'
//! ratios, as ratios multiply (Fleming and Wallace, How Not to Lie with Statistics, 1986). Intervals are percentiles of a
//! bootstrap of 95 % coverage (Efron, 1979), whose seed is fixed: the same results give the same report.

pub mod change;
pub mod estimate;
pub mod goals;
pub mod noise;
pub mod pace;
pub mod summary;
pub mod verdict;

pub use change::{Change, Comparison, compare};
pub use estimate::{Estimate, Interval, Ratio, geometric_mean, median};
pub use goals::{Goal, goals};
pub use noise::Noise;
pub use summary::{Cell, Measured, MemoryCurve, Quantity, Ranking, Row, Scaling, Section, Standing, Summary, summary};
pub use verdict::Outcome;
