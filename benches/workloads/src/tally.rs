//! What a workload counts while it runs, and what it finds wrong.

use crate::Outcome;
use std::fmt::Display;

/// A sum over what was done, and the first damage that was found.
///
/// Work goes on when something is damaged: other threads may wait for this one, and what is wrong is told at the end.
#[derive(Debug, Default)]
#[must_use = "it holds what was found wrong"]
pub struct Tally {
    sum: u64,
    damages: u64,
    first_damage: Option<String>,
}

impl Tally {
    /// Counts `amount` of work.
    #[inline(always)]
    pub fn add(&mut self, amount: u64) {
        self.sum = self.sum.wrapping_add(amount);
    }

    /// Notes that something does not hold what was written into it.
    #[cold]
    #[inline(never)]
    pub fn damage(&mut self, what: impl Display) {
        self.damages += 1;
        self.first_damage.get_or_insert_with(|| what.to_string());
    }

    /// Notes damage of `what` unless `intact`.
    #[inline(always)]
    pub fn expect(&mut self, intact: bool, what: &str) {
        if !intact {
            self.damage(what);
        }
    }

    /// Takes over what another thread counted. The order of merging does not change the sum.
    pub fn merge(&mut self, other: Self) {
        self.add(other.sum);
        self.damages += other.damages;
        self.first_damage = self.first_damage.take().or(other.first_damage);
    }

    /// The sum, or what was wrong.
    ///
    /// # Errors
    /// The first damage, and how often there was any.
    pub fn outcome(self) -> Outcome {
        match self.first_damage {
            None => Ok(self.sum),
            Some(first) => Err(format!("damaged {} times, first: {first}", self.damages)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_first_damage() {
        let (mut a, mut b) = (Tally::default(), Tally::default());
        a.add(1);
        b.add(2);
        b.damage("a list");
        b.expect(true, "a tree");
        b.expect(false, "a vector");
        a.merge(b);
        assert_eq!(a.outcome(), Err("damaged 2 times, first: a list".into()));
    }
}
