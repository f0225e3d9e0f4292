//! Medians, quartiles and bootstrap intervals of samples.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use statrs::statistics::{Data, OrderStatistics, Statistics};

/// How often the samples are drawn again.
pub const RESAMPLES: usize = 1000;

/// The share of replicates that an interval leaves out on either side.
const TAIL: f64 = 0.025;

/// The median; of an even number of values the mean of the middle two.
///
/// # Panics
/// When `values` is empty.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The geometric mean of positive values.
///
/// # Panics
/// When `values` is empty.
pub fn geometric_mean(values: &[f64]) -> f64 {
    assert!(!values.is_empty(), "the mean of nothing");
    values.iter().geometric_mean()
}

/// The value below which the share `tau` of the values lies.
pub(super) fn quantile(values: &[f64], tau: f64) -> f64 {
    assert!(!values.is_empty(), "a quantile of nothing");
    Data::new(values.to_vec()).quantile(tau)
}

/// Where a figure lies with 95 % confidence, noise of the samples alone considered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Whether `value` lies in it, ends included.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// A quotient of two figures and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// The quotient of the figures themselves.
    pub value: f64,
    /// Where it lies.
    pub interval: Interval,
}

/// What the samples of one quantity say, in the samples' unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The median of the samples.
    pub median: f64,
    /// Where the median lies.
    pub interval: Interval,
    /// The first and the third quartile of the samples: how far they spread.
    pub quartiles: (f64, f64),
    /// The samples, in the order they were taken.
    pub samples: Vec<f64>,
}

/// A source of resamples, the same for the same results.
pub(super) struct Bootstrap(SmallRng);

impl Bootstrap {
    pub(super) fn new() -> Self {
        Self(SmallRng::seed_from_u64(0))
    }

    /// The median of `values`, and that of each resample.
    ///
    /// # Panics
    /// When `values` is empty.
    pub(super) fn median(&mut self, values: &[f64]) -> Figure {
        let mut resample = vec![0.0; values.len()];
        let replicates = (0..RESAMPLES).map(|_| {
            resample.fill_with(|| values[self.0.random_range(0..values.len())]);
            Data::new(resample.as_mut_slice()).median()
        });
        let replicates = replicates.collect();
        Figure { value: median(values), replicates }
    }
}

/// A figure with its bootstrap replicates, so that what is computed from several figures has replicates too.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    pub(super) value: f64,
    replicates: Vec<f64>,
}

impl Figure {
    /// The figure `combine` makes of `parts`, replicate for replicate.
    pub(super) fn combined(parts: &[&Self], combine: impl Fn(&[f64]) -> f64) -> Self {
        let values: Vec<f64> = parts.iter().map(|part| part.value).collect();
        let replicates = (0..RESAMPLES).map(|index| {
            let values: Vec<f64> = parts.iter().map(|part| part.replicates[index]).collect();
            combine(&values)
        });
        Self { value: combine(&values), replicates: replicates.collect() }
    }

    /// This figure over `other`.
    pub(super) fn over(&self, other: &Self) -> Self {
        Self::combined(&[self, other], |values| values[0] / values[1])
    }

    /// The interval that holds all but the outermost replicates.
    pub(super) fn interval(&self) -> Interval {
        let mut replicates = Data::new(self.replicates.clone());
        Interval { low: replicates.quantile(TAIL), high: replicates.quantile(1.0 - TAIL) }
    }

    /// The figure as a ratio.
    pub(super) fn ratio(&self) -> Ratio {
        Ratio { value: self.value, interval: self.interval() }
    }

    /// The figure as the estimate of the `values` it is the median of.
    pub(super) fn estimate(&self, values: Vec<f64>) -> Estimate {
        Estimate {
            median: self.value,
            interval: self.interval(),
            quartiles: (quantile(&values, 0.25), quantile(&values, 0.75)),
            samples: values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[7.0]), 7.0);
        assert!((geometric_mean(&[1.0, 4.0, 16.0]) - 4.0).abs() < 1e-12);
        assert!((geometric_mean(&[0.5, 2.0]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn one_sample_is_its_own_interval() {
        let values = vec![42.0];
        let estimate = Bootstrap::new().median(&values).estimate(values);
        assert_eq!(estimate.interval, Interval { low: 42.0, high: 42.0 });
        assert_eq!(estimate.quartiles, (42.0, 42.0));
    }

    #[test]
    fn few_samples_give_an_interval_within_their_range_and_around_the_median() {
        let values = vec![10.0, 30.0, 20.0, 40.0, 35.0];
        let estimate = Bootstrap::new().median(&values).estimate(values);
        assert_eq!(estimate.median, 30.0);
        assert!(estimate.interval.contains(30.0));
        assert!(estimate.interval.low >= 10.0 && estimate.interval.high <= 40.0);
    }

    #[test]
    fn a_figure_over_itself_is_exactly_one() {
        let figure = Bootstrap::new().median(&[1.0, 5.0, 9.0]);
        let ratio = figure.over(&figure).ratio();
        assert_eq!(ratio, Ratio { value: 1.0, interval: Interval { low: 1.0, high: 1.0 } });
    }

    /// Draws from a uniform distribution, whose median is known, again and again; the interval holds it about as often as
    /// it says.
    #[test]
    fn intervals_cover_the_median_as_often_as_they_say() {
        let mut rng = SmallRng::seed_from_u64(1);
        let mut bootstrap = Bootstrap::new();
        let trials = 400;
        let covered = (0..trials).filter(|_| {
            let values: Vec<f64> = (0..25).map(|_| rng.random_range(0.0..2.0)).collect();
            bootstrap.median(&values).interval().contains(1.0)
        });
        let share = covered.count() as f64 / f64::from(trials);
        assert!((0.90..=0.99).contains(&share), "{share}");
    }

    #[test]
    fn ratios_of_two_figures_cover_the_true_ratio() {
        let mut rng = SmallRng::seed_from_u64(2);
        let mut bootstrap = Bootstrap::new();
        let trials = 300;
        let mut draw = |scale: f64| -> Vec<f64> { (0..15).map(|_| scale * rng.random_range(0.9..1.1)).collect() };
        let covered = (0..trials).filter(|_| {
            let (slow, fast) = (bootstrap.median(&draw(3.0)), bootstrap.median(&draw(2.0)));
            slow.over(&fast).interval().contains(1.5)
        });
        let share = covered.count() as f64 / f64::from(trials);
        assert!(share > 0.90, "{share}");
    }
}
