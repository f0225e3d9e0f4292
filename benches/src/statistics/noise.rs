//! The machine's noise, by a null comparison: a second copy of an allocator runs among the others, and what differs
//! between the two cannot be the allocator.

use super::estimate::{median, quantile};
use super::summary::{NEAR, Quantity};
use super::verdict::copy_of;

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
        let of =
            |quantity| Difference::of(&pairs.iter().map(|pair| pair.ratios[quantity as usize]).collect::<Vec<f64>>());
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
    /// The allocator.
    pub(super) subject: String,
    /// The copy over the original, in the order of [`Quantity::ALL`].
    pub(super) ratios: [f64; Quantity::ALL.len()],
}
