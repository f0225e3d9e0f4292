//! The machine's noise, by a null comparison: a second copy of an allocator runs among the others, and what differs
//! between the two cannot be the allocator.

use super::estimate::{median, quantile};
use super::summary::{NEAR, Quantity};
use super::verdict::copy_of;
use cenote_bench_protocol::Report;

/// Of all workloads, the share whose two copies differ by the floor at most.
const FLOOR: f64 = 0.9;

/// How much two copies of an allocator differ in one quantity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// In half of the rows, as a factor of at least 1.
    pub typical: f64,
    /// In nine of ten rows, as a factor of at least 1: smaller differences between allocators mean nothing in a single
    /// row.
    pub floor: f64,
}

impl Difference {
    fn of(ratios: &[f64]) -> Self {
        let distances: Vec<f64> = ratios.iter().map(|ratio| ratio.ln().abs()).collect();
        Self { typical: median(&distances).exp(), floor: quantile(&distances, FLOOR).exp() }
    }
}

/// What the null comparison says.
#[derive(Clone, Debug, PartialEq)]
pub struct Noise {
    /// The allocator that ran twice.
    pub subject: String,
    /// In how many rows.
    pub rows: usize,
    /// Wall time.
    pub wall: Difference,
    /// CPU time.
    pub cpu: Difference,
    /// Peak RSS.
    pub peak_rss: Difference,
}

impl Noise {
    /// The noise that `pairs` show.
    pub(super) fn of(pairs: Vec<Pair>) -> Option<Self> {
        let of = |quantity| Difference::of(&pairs.iter().map(|pair| pair.ratio(quantity)).collect::<Vec<f64>>());
        let first = pairs.first()?;
        Some(Self {
            subject: first.subject.clone(),
            rows: pairs.len(),
            wall: of(Quantity::Wall),
            cpu: of(Quantity::Cpu),
            peak_rss: of(Quantity::PeakRss),
        })
    }

    /// The difference in a quantity.
    pub fn quantity(&self, quantity: Quantity) -> Difference {
        match quantity {
            Quantity::Wall => self.wall,
            Quantity::Cpu => self.cpu,
            Quantity::PeakRss => self.peak_rss,
        }
    }

    /// What to say when the machine was so noisy that equal allocators are further apart than those called equal.
    pub fn warning(&self) -> Option<String> {
        (self.wall.floor > NEAR).then(|| {
            format!(
                "the machine was noisy: {} and {}, the same program, differ by up to {:.1} % in nine of ten workloads \
                 (half of them by {:.1} % or more); do not read single rows more finely, close other programs, or raise \
                 --reps",
                self.subject,
                copy_of(&self.subject),
                (self.wall.floor - 1.0) * 100.0,
                (self.wall.typical - 1.0) * 100.0,
            )
        })
    }
}

/// The two copies in a row.
pub(super) struct Pair {
    subject: String,
    ratios: [f64; Quantity::ALL.len()],
}

impl Pair {
    /// The pair, if both copies ran.
    pub(super) fn new(subject: &str, originals: &[&Report], copies: &[&Report]) -> Option<Self> {
        if originals.is_empty() || copies.is_empty() {
            return None;
        }
        let of = |reports: &[&Report], quantity: Quantity| {
            median(&reports.iter().map(|report| quantity.of(report)).collect::<Vec<_>>())
        };
        let ratios = Quantity::ALL.map(|quantity| of(copies, quantity) / of(originals, quantity));
        Some(Self { subject: subject.into(), ratios })
    }

    fn ratio(&self, quantity: Quantity) -> f64 {
        self.ratios[quantity as usize]
    }
}
