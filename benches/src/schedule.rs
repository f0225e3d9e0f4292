//! Which run comes next.
//!
//! A repetition visits every block, a workload with a number of threads, in random order; a visit runs all allocators one
//! after the other in random order. What disturbs the machine for a second thus disturbs all allocators of a block alike,
//! and what changes over minutes finds every block in another place of each repetition. Who is close to the best is told from
//! it by many repetitions; who is far from it needs few, and spends everybody's time.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use std::collections::HashMap;
use std::time::Duration;

/// Allocators that took more than this multiple of the best one's time in every visit are far from every comparison that is
/// close.
const SLOW: f64 = 1.5;

/// Before so many repetitions nobody is known to be slow: one may have been disturbed.
const SLOW_FROM: u32 = 2;

/// What need not be known to a percent has a part in the first repetition, in the one so many later, and from then on each
/// time as many have gone by again.
const SELDOM_AFTER: u32 = 3;

/// How many allocators' runs that hang or crash are awaited; every further one would cost a time limit.
const PATIENCE: usize = 2;

/// How often everything is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repetitions {
    /// So often, however long it takes.
    Exactly(u32),
    /// While this time is left.
    Within(Duration),
}

/// A workload with a number of threads, as an index; and an allocator, as an index.
pub type Pair = (usize, usize);

/// A visit of a block: the allocators, in the order of their runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Which block.
    pub block: usize,
    /// Which allocators.
    pub subjects: Vec<usize>,
}

/// A run of a visit.
#[derive(Clone, Copy, Debug)]
pub struct Ran {
    /// Which allocator's.
    pub subject: usize,
    /// How long the whole process took.
    pub took: Duration,
    /// How long its timed part took.
    pub timed: Duration,
}

/// The order of all runs, which learns from what they cost.
#[derive(Debug)]
pub struct Schedule {
    /// For each block whether all of it runs seldom.
    seldom: Vec<bool>,
    subjects: usize,
    repetitions: Repetitions,
    begun: u32,
    rng: StdRng,
    /// How long the whole process took, the last time.
    took: HashMap<Pair, Duration>,
    /// How often the least timed part of a visit went into its own, at best.
    nearest: HashMap<Pair, f64>,
    /// Who hung or died, where.
    failed: Vec<Pair>,
    /// Who did so too often.
    dropped: Vec<usize>,
}

impl Schedule {
    /// The schedule of blocks, each for `subjects` allocators and some `seldom`.
    pub fn new(seldom: Vec<bool>, subjects: usize, repetitions: Repetitions, seed: u64) -> Self {
        Self {
            seldom,
            subjects,
            repetitions,
            begun: 0,
            rng: StdRng::seed_from_u64(seed),
            took: HashMap::new(),
            nearest: HashMap::new(),
            failed: Vec::new(),
            dropped: Vec::new(),
        }
    }

    /// The visits of the next repetition that has some; none when there were enough, or nobody is left to run.
    pub fn next_repetition(&mut self) -> Option<Vec<Visit>> {
        let blocks = 0..self.seldom.len();
        let is_somebody_left =
            blocks.clone().any(|block| (0..self.subjects).any(|subject| self.is_sound((block, subject))));
        while is_somebody_left && !matches!(self.repetitions, Repetitions::Exactly(count) if count <= self.begun) {
            let all = blocks.clone().map(|block| Visit { block, subjects: self.due(block) });
            let mut visits: Vec<Visit> = all.filter(|visit| !visit.subjects.is_empty()).collect();
            self.begun += 1;
            if visits.is_empty() {
                continue;
            }
            visits.shuffle(&mut self.rng);
            for visit in &mut visits {
                visit.subjects.shuffle(&mut self.rng);
            }
            return Some(visits);
        }
        None
    }

    fn due(&self, block: usize) -> Vec<usize> {
        (0..self.subjects).filter(|&subject| self.is_due((block, subject))).collect()
    }

    /// Whether the pair has a part in the repetition that begins.
    fn is_due(&self, pair: Pair) -> bool {
        let is_seldom = self.seldom[pair.0] || self.is_slow(pair);
        let steps = self.begun / SELDOM_AFTER;
        let is_its_turn = self.begun.is_multiple_of(SELDOM_AFTER) && (steps == 0 || steps.is_power_of_two());
        self.is_sound(pair) && (!is_seldom || is_its_turn)
    }

    /// Whether the pair is still run: it has not failed, nor has its allocator too often.
    pub fn is_sound(&self, pair: Pair) -> bool {
        !self.failed.contains(&pair) && !self.dropped.contains(&pair.1)
    }

    fn is_slow(&self, pair: Pair) -> bool {
        self.begun >= SLOW_FROM && self.nearest.get(&pair).is_some_and(|&ratio| ratio > SLOW)
    }

    /// Takes note of a visit of `block`: its runs that ended well.
    pub fn visited(&mut self, block: usize, runs: &[Ran]) {
        let least = runs.iter().map(|run| run.timed).min().unwrap_or_default().max(Duration::from_nanos(1));
        for &Ran { subject, took, timed } in runs {
            let pair = (block, subject);
            self.took.insert(pair, took);
            let ratio = self.nearest.entry(pair).or_insert(f64::INFINITY);
            *ratio = ratio.min(timed.div_duration_f64(least));
        }
    }

    /// Takes note of a run that died or hung. Returns whether its allocator is given up by this.
    pub fn died(&mut self, pair: Pair) -> bool {
        self.failed.push(pair);
        let often = self.failed.iter().filter(|failed| failed.1 == pair.1).count() > PATIENCE;
        if often && !self.dropped.contains(&pair.1) {
            self.dropped.push(pair.1);
            return true;
        }
        false
    }

    /// How long `visit` will take, by what its runs took before.
    pub fn estimate(&self, visit: &Visit) -> Duration {
        visit.subjects.iter().filter_map(|&subject| self.took.get(&(visit.block, subject))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn pairs(visits: &[Visit]) -> Vec<Pair> {
        let mut pairs: Vec<_> =
            visits.iter().flat_map(|visit| visit.subjects.iter().map(|&subject| (visit.block, subject))).collect();
        pairs.sort_unstable();
        pairs
    }

    #[test]
    fn a_repetition_runs_every_pair_once_in_an_order_that_the_seed_determines() {
        let all: Vec<Pair> = (0..6).flat_map(|block| (0..5).map(move |subject| (block, subject))).collect();
        let mut schedule = Schedule::new(vec![false; 6], 5, Repetitions::Exactly(2), 1);
        let (first, second) = (schedule.next_repetition().unwrap(), schedule.next_repetition().unwrap());
        assert_eq!((pairs(&first), pairs(&second)), (all.clone(), all));
        assert_ne!(first, second);
        assert_eq!(schedule.next_repetition(), None);
        assert_eq!(Schedule::new(vec![false; 6], 5, Repetitions::Within(MS), 1).next_repetition().unwrap(), first);
        assert_ne!(Schedule::new(vec![false; 6], 5, Repetitions::Within(MS), 2).next_repetition().unwrap(), first);
    }

    #[test]
    fn the_slow_run_less_often() {
        for repetitions in [Repetitions::Within(MS), Repetitions::Exactly(9)] {
            let mut schedule = Schedule::new(vec![false], 4, repetitions, 1);
            let mut runs = [0; 4];
            for repetition in 0..6 {
                let subjects = schedule.next_repetition().unwrap().remove(0).subjects;
                subjects.iter().for_each(|&subject| runs[subject] += 1);
                // The machine is slower each time, and the third allocator is disturbed once.
                let usual = |subject| [20, 29, if repetition == 0 { 60 } else { 20 }, 31][subject];
                let ran = |subject| Ran { subject, took: MS, timed: MS * (repetition + 1) * usual(subject) };
                schedule.visited(0, &subjects.into_iter().map(ran).collect::<Vec<_>>());
            }
            assert_eq!(runs, [6, 6, 6, 3]);
        }
    }

    #[test]
    fn a_block_of_which_little_is_wanted_runs_less_often() {
        let mut schedule = Schedule::new(vec![false, true], 2, Repetitions::Exactly(40), 1);
        let repetitions = std::iter::from_fn(|| schedule.next_repetition());
        let runs: Vec<usize> = repetitions.map(|visits| pairs(&visits).len()).collect();
        let whole: Vec<usize> = (0..runs.len()).filter(|&repetition| runs[repetition] == 4).collect();
        assert_eq!(whole, [0, 3, 6, 12, 24]);
        assert_eq!(runs.iter().sum::<usize>(), 40 * 2 + 5 * 2);
    }

    #[test]
    fn who_died_is_not_run_there_again_and_nowhere_after_a_few_times() {
        let mut schedule = Schedule::new(vec![false; 5], 2, Repetitions::Within(MS), 1);
        assert!(!schedule.died((0, 1)));
        let next = pairs(&schedule.next_repetition().unwrap());
        assert!(!next.contains(&(0, 1)) && next.contains(&(0, 0)) && next.contains(&(1, 1)));
        assert!(!schedule.died((1, 1)));
        assert!(schedule.died((2, 1)));
        assert!(pairs(&schedule.next_repetition().unwrap()).iter().all(|&(_, subject)| subject == 0));
    }

    #[test]
    fn a_visit_takes_as_long_as_its_runs_did() {
        let mut schedule = Schedule::new(vec![false], 2, Repetitions::Within(MS), 1);
        let visit = schedule.next_repetition().unwrap().remove(0);
        assert_eq!(schedule.estimate(&visit), Duration::ZERO);
        schedule.visited(0, &[3, 4].map(|ms| Ran { subject: ms - 3, took: ms as u32 * MS, timed: MS }));
        assert_eq!(schedule.estimate(&visit), 7 * MS);
    }

    #[test]
    fn when_only_blocks_of_which_little_is_wanted_are_left_their_repetitions_follow_each_other() {
        let mut schedule = Schedule::new(vec![false, true], 1, Repetitions::Exactly(9), 1);
        let whole = vec![(0, 0), (1, 0)];
        assert_eq!(pairs(&schedule.next_repetition().unwrap()), whole);
        schedule.died((0, 0));
        let left: Vec<_> = std::iter::from_fn(|| schedule.next_repetition()).map(|visits| pairs(&visits)).collect();
        assert_eq!(left, vec![vec![(1, 0)]; 2]);
    }

    #[test]
    fn when_everybody_died_it_ends() {
        let mut schedule = Schedule::new(vec![false], 1, Repetitions::Within(MS), 1);
        schedule.died((0, 0));
        assert_eq!(schedule.next_repetition(), None);
    }
}
