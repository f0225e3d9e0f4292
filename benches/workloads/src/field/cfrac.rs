//! `cfrac`: factors numbers by continued fractions; every number on the way is a block.
//!
//! After Barrett's program of that name, a benchmark of allocators since Zorn's studies of the 1990s, and the method of
//! Morrison and Brillhart, "A method of factoring and the factorization of F7" (Mathematics of Computation 29, 1975): the
//! convergents of a square root give small squares modulo the number; those that only small primes divide are combined by
//! elimination into two squares that are equal modulo the number.
//!
//! Differs: many products of two primes of 32 bits instead of one of forty digits, so that the work can be divided; without
//! the large-prime variation; numbers are owned, where the original counts references.
//!
//! Cannot show: large blocks or long lives. Nearly all blocks are tiny and die at once, the last taken first.

use super::bignum::Natural;
use crate::rng::Rng;
use crate::tally::Tally;
use crate::{Pass, Setting};

const NUMBERS: usize = 16;

/// Primes between 2^31 and 2^32, not too near to each other.
const PRIMES: [u32; 8] = [
    2_418_525_407,
    2_653_940_651,
    2_724_573_737,
    3_242_996_819,
    3_777_918_623,
    4_078_033_079,
    4_175_761_531,
    4_275_361_159,
];

/// How many primes may divide a square.
const BASE_PRIMES: usize = 50;

/// How many relations are collected beyond as many as there are exponents.
const SPARE_RELATIONS: usize = 12;

/// Multipliers that are tried in turn: a period may be too short, or all dependencies trivial.
const MULTIPLIERS: std::ops::Range<u64> = 1..100;

/// A convergent's numerator, whose square is the product of the base's primes with these exponents. The first exponent
/// stands for a factor of -1.
struct Relation {
    numerator: Natural,
    exponents: Vec<u8>,
}

/// The first primes modulo which `number` is a square: no other divides what the method finds.
fn factor_base(number: &Natural) -> Vec<u32> {
    let is_prime = |n: u32| (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
    let has_root = |p: u32| {
        let residue = number.rem_digit(p) as u64;
        (0..p as u64).any(|x| x * x % p as u64 == residue)
    };
    (2..).filter(|&n| is_prime(n) && has_root(n)).take(BASE_PRIMES).collect()
}

/// The exponents of the base's primes in `square`, if nothing else divides it.
fn exponents(square: &Natural, negative: bool, base: &[u32]) -> Option<Vec<u8>> {
    let mut rest = square.clone();
    let mut exponents = vec![u8::from(negative)];
    for &prime in base {
        let mut exponent = 0;
        while rest.rem_digit(prime) == 0 {
            rest = rest.div_digit(prime).0;
            exponent += 1;
        }
        exponents.push(exponent);
    }
    rest.is_one().then_some(exponents)
}

/// Follows the continued fraction of the square root of `radicand`, a multiple of `number`, until there are enough
/// relations or it repeats itself.
fn relations(number: &Natural, radicand: &Natural, base: &[u32]) -> Vec<Relation> {
    let root = radicand.sqrt();
    let mut found = Vec::new();
    // The n-th complete quotient is (root + p) / q; the square of the n-th numerator is q of the next, up to the sign.
    let (mut p, mut q) = (Natural::from(0), Natural::from(1));
    let (mut numerator, mut before) = (Natural::from(1), Natural::from(0));
    let mut negative = false;
    while found.len() < base.len() + 1 + SPARE_RELATIONS {
        let quotient = root.add(&p).div_rem(&q).0;
        (numerator, before) = (quotient.mul(&numerator).add(&before).rem(number), numerator);
        p = quotient.mul(&q).sub(&p);
        q = radicand.sub(&p.mul(&p)).div_rem(&q).0;
        negative = !negative;
        if q.is_one() || q.is_zero() {
            break;
        }
        if let Some(exponents) = exponents(&q, negative, base) {
            found.push(Relation { numerator: numerator.clone(), exponents });
        }
    }
    found
}

/// Sets of relations whose product has even exponents only, by Gaussian elimination of the exponents modulo 2.
fn dependencies(relations: &[Relation]) -> Vec<u128> {
    const { assert!(BASE_PRIMES + 1 + SPARE_RELATIONS <= u128::BITS as usize) };
    let parity = |relation: &Relation| relation.exponents.iter().fold(0, |bits, e| bits << 1 | (e & 1) as u128);
    let mut pivots: Vec<(u128, u128)> = Vec::new();
    let mut found = Vec::new();
    for (index, relation) in relations.iter().enumerate() {
        let (mut bits, mut set) = (parity(relation), 1_u128 << index);
        for &(pivot, members) in &pivots {
            if bits ^ pivot < bits {
                bits ^= pivot;
                set ^= members;
            }
        }
        if bits == 0 {
            found.push(set);
        } else {
            pivots.push((bits, set));
            pivots.sort_unstable_by(|a, b| b.cmp(a));
        }
    }
    found
}

/// A divisor of `number` from two squares that are equal modulo it; trivial half of the time.
fn divisor(number: &Natural, relations: &[Relation], members: u128, base: &[u32]) -> Natural {
    let mut product = Natural::from(1);
    let mut sums = vec![0_u32; base.len()];
    for relation in relations.iter().enumerate().filter(|(index, _)| members >> index & 1 == 1).map(|(_, r)| r) {
        product = product.mul(&relation.numerator).rem(number);
        for (sum, &exponent) in sums.iter_mut().zip(&relation.exponents[1..]) {
            *sum += exponent as u32;
        }
    }
    let mut root = Natural::from(1);
    for (&prime, sum) in base.iter().zip(sums) {
        for _ in 0..sum / 2 {
            root = root.mul(&Natural::from(prime as u64)).rem(number);
        }
    }
    product.add(&root).gcd(number)
}

/// A divisor of `number` other than itself and one.
fn factor(number: &Natural) -> Option<u64> {
    MULTIPLIERS.into_iter().find_map(|multiplier| {
        let radicand = number.mul(&Natural::from(multiplier));
        let base = factor_base(&radicand);
        let relations = relations(number, &radicand, &base);
        let mut divisors =
            dependencies(&relations).into_iter().map(|members| divisor(number, &relations, members, &base));
        divisors.find(|divisor| !divisor.is_one() && divisor != number)?.to_u64()
    })
}

pub(super) fn prepare(setting: &Setting) -> Pass {
    let numbers = setting.scaled(NUMBERS);
    let seed = setting.seed;
    Box::new(move || {
        let mut rng = Rng::new(seed);
        let mut tally = Tally::default();
        for _ in 0..numbers {
            let mut primes = PRIMES;
            rng.shuffle(&mut primes);
            let [a, b] = [primes[0], primes[1]].map(u64::from);
            let divisor = factor(&Natural::from(a).mul(&Natural::from(b)));
            tally.expect(divisor == Some(a) || divisor == Some(b), "a number");
            tally.add(divisor.unwrap_or(0));
        }
        tally.outcome()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_every_product() {
        for (index, &a) in PRIMES.iter().enumerate() {
            for &b in &PRIMES[..index] {
                let [a, b] = [a, b].map(u64::from);
                let found = factor(&Natural::from(a).mul(&Natural::from(b)));
                assert!(found == Some(a) || found == Some(b), "{a} * {b}: {found:?}");
            }
        }
    }

    #[test]
    fn factors_products_of_small_primes() {
        for (a, b) in [(10_007, 20_011), (1_000_003, 2_000_003), (65_537, 65_539)] {
            assert!(factor(&Natural::from(a * b)).is_some_and(|found| found == a || found == b), "{a} * {b}");
        }
    }
}
