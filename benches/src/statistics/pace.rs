//! How fast the machine was from visit to visit.
//!
//! A visit runs all allocators of a row one after the other (see [`crate::schedule`]): a randomized block design (Fisher,
//! The Design of Experiments, 1935). What slows the machine for longer than a visit slows all of them alike, so it is
//! taken out before they are compared, by one round of median polish (Tukey, Exploratory Data Analysis, 1977): a visit was
//! as slow as the median of its runs, each over its own allocator's median. Other programs come and go on most machines;
//! without this, medians of few repetitions compare one allocator's good seconds with another's bad ones.

use super::estimate::median;
use std::collections::HashMap;

/// The fewest runs that tell a visit's pace from an allocator's luck.
const ENOUGH: usize = 3;

/// A run: the repetition that it belongs to, and how long it took.
pub(super) type Run = (u32, f64);

/// How many times longer than usual everything took, by repetition.
#[derive(Debug, Default)]
pub(super) struct Pace(HashMap<u32, f64>);

impl Pace {
    /// The pace of a row's visits, from the runs of each allocator that has some.
    pub(super) fn of(allocators: impl IntoIterator<Item = Vec<Run>>) -> Self {
        let mut visits: HashMap<u32, Vec<f64>> = HashMap::new();
        for runs in allocators {
            let usual = median(&runs.iter().map(|(_, took)| *took).collect::<Vec<_>>());
            for (repetition, took) in runs {
                visits.entry(repetition).or_default().push(took / usual);
            }
        }
        let told = visits.into_iter().filter(|(_, runs)| runs.len() >= ENOUGH);
        Self(told.map(|(repetition, runs)| (repetition, median(&runs))).collect())
    }

    /// What runs would have taken at the usual pace.
    pub(super) fn usual(&self, runs: &[Run]) -> Vec<f64> {
        runs.iter().map(|(repetition, took)| took / self.0.get(repetition).unwrap_or(&1.0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four allocators in visits of so different a pace that medians of what was measured would rank them wrongly.
    #[test]
    fn what_slows_a_whole_visit_is_taken_out() {
        let own = [10.0, 11.0, 12.0, 20.0];
        let pace = [1.0, 3.0, 2.0, 1.0, 1.0];
        // The second allocator missed two visits of the usual pace.
        let runs: Vec<Vec<Run>> = own
            .iter()
            .enumerate()
            .map(|(index, took)| {
                let visits = pace.iter().enumerate().filter(|(visit, _)| index != 1 || *visit != 3 && *visit != 4);
                visits.map(|(visit, pace)| (visit as u32, took * pace)).collect()
            })
            .collect();
        assert!(median(&Pace::default().usual(&runs[1])) > own[3]);
        let row = Pace::of(runs.clone());
        for (runs, own) in runs.iter().zip(own).filter(|(runs, _)| runs.len() == pace.len()) {
            assert!(row.usual(runs).iter().all(|took| (took / own - 1.0).abs() < 1e-9), "{runs:?}");
        }
        let missed = median(&row.usual(&runs[1]));
        assert!((missed / own[1] - 1.0).abs() < 1e-9, "{missed}");
    }

    /// What only one run saw is its own.
    #[test]
    fn what_slows_a_run_alone_stays() {
        let even: Vec<Run> = (0..5).map(|visit| (visit, 10.0)).collect();
        let mut odd = even.clone();
        odd[2].1 = 30.0;
        let row = Pace::of([even.clone(), even.clone(), odd.clone(), even.clone()]);
        assert_eq!(row.usual(&odd), [10.0, 10.0, 30.0, 10.0, 10.0]);
        assert_eq!(row.usual(&even), [10.0; 5]);
    }

    #[test]
    fn one_allocator_alone_keeps_its_spread() {
        let runs = vec![(0, 10.0), (1, 20.0)];
        assert_eq!(Pace::of([runs.clone()]).usual(&runs), [10.0, 20.0]);
    }
}
