//! Natural numbers of any size, each in a block of its own, as in Barrett's `cfrac`.
//!
//! Schoolbook algorithms (Knuth, "The Art of Computer Programming", volume 2, section 4.3.1): the numbers have a handful of
//! digits, and every operation makes a new one.

use std::cmp::Ordering;

/// Digits to the base of 2^32, the least first; the last is not zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Natural(Vec<u32>);

impl From<u64> for Natural {
    fn from(value: u64) -> Self {
        Self(vec![value as u32, (value >> 32) as u32]).trimmed()
    }
}

impl Natural {
    fn trimmed(mut self) -> Self {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }

    fn digit(&self, index: usize) -> u32 {
        self.0.get(index).copied().unwrap_or(0)
    }

    fn bits(&self) -> usize {
        self.0.len() * 32 - self.0.last().map_or(0, |digit| digit.leading_zeros() as usize)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn is_one(&self) -> bool {
        self.0 == [1]
    }

    /// The value, if it fits.
    pub(super) fn to_u64(&self) -> Option<u64> {
        (self.0.len() <= 2).then(|| self.digit(0) as u64 | (self.digit(1) as u64) << 32)
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        let mut carry = 0;
        let digits = (0..=self.0.len().max(other.0.len())).map(|index| {
            let sum = self.digit(index) as u64 + other.digit(index) as u64 + carry;
            carry = sum >> 32;
            sum as u32
        });
        Self(digits.collect()).trimmed()
    }

    /// `self - other`, which must not be negative.
    pub(super) fn sub(&self, other: &Self) -> Self {
        debug_assert!(*self >= *other);
        let mut borrow = 0;
        let digits = (0..self.0.len()).map(|index| {
            let difference = self.digit(index) as i64 - other.digit(index) as i64 + borrow;
            borrow = difference >> 32;
            difference as u32
        });
        Self(digits.collect()).trimmed()
    }

    pub(super) fn mul(&self, other: &Self) -> Self {
        let mut digits = vec![0; self.0.len() + other.0.len()];
        for (i, &a) in self.0.iter().enumerate() {
            let mut carry = 0;
            for (j, &b) in other.0.iter().enumerate() {
                let sum = a as u64 * b as u64 + digits[i + j] as u64 + carry;
                digits[i + j] = sum as u32;
                carry = sum >> 32;
            }
            digits[i + other.0.len()] = carry as u32;
        }
        Self(digits).trimmed()
    }

    /// Quotient and remainder by one digit, not zero.
    pub(super) fn div_digit(&self, divisor: u32) -> (Self, u32) {
        let mut quotient = vec![0; self.0.len()];
        let mut remainder = 0;
        for (place, &digit) in quotient.iter_mut().zip(&self.0).rev() {
            let dividend = remainder << 32 | digit as u64;
            *place = (dividend / divisor as u64) as u32;
            remainder = dividend % divisor as u64;
        }
        (Self(quotient).trimmed(), remainder as u32)
    }

    /// The remainder by one digit, not zero. Makes no number.
    pub(super) fn rem_digit(&self, divisor: u32) -> u32 {
        self.0.iter().rev().fold(0, |remainder, &digit| (remainder << 32 | digit as u64) % divisor as u64) as u32
    }

    fn shl(&self, bits: usize) -> Self {
        let (digits, bits) = (bits / 32, bits % 32);
        let mut shifted = vec![0; digits];
        let mut carry = 0;
        for &digit in &self.0 {
            let wide = (digit as u64) << bits | carry;
            shifted.push(wide as u32);
            carry = wide >> 32;
        }
        shifted.push(carry as u32);
        Self(shifted).trimmed()
    }

    fn shr(&self, bits: usize) -> Self {
        let (digits, bits) = (bits / 32, bits % 32);
        let wide = |index: usize| self.digit(index) as u64 | (self.digit(index + 1) as u64) << 32;
        Self((digits..self.0.len()).map(|index| (wide(index) >> bits) as u32).collect()).trimmed()
    }

    /// Quotient and remainder (Knuth's algorithm D).
    ///
    /// # Panics
    /// When `divisor` is zero.
    pub(super) fn div_rem(&self, divisor: &Self) -> (Self, Self) {
        if self < divisor {
            return (Self(Vec::new()), self.clone());
        }
        if let [digit] = divisor.0[..] {
            let (quotient, remainder) = self.div_digit(digit);
            return (quotient, Self::from(remainder as u64));
        }
        // Normalised, so that the divisor's first digit is at least half the base.
        let shift = divisor.0.last().expect("division by zero").leading_zeros() as usize;
        let divisor = divisor.shl(shift);
        let mut rest = self.shl(shift).0;
        rest.resize(self.0.len() + 1, 0);
        let len = divisor.0.len();
        let (first, second) = (divisor.0[len - 1] as u64, divisor.0[len - 2] as u64);
        let mut quotient = vec![0; rest.len() - len];
        for place in (0..quotient.len()).rev() {
            let window = &mut rest[place..=place + len];
            let top = (window[len] as u64) << 32 | window[len - 1] as u64;
            let (mut guess, mut over) = (top / first, top % first);
            while guess >> 32 != 0 || guess * second > (over << 32 | window[len - 2] as u64) {
                guess -= 1;
                over += first;
                if over >> 32 != 0 {
                    break;
                }
            }
            if subtract_multiple(window, &divisor.0, guess) {
                guess -= 1;
                add_back(window, &divisor.0);
            }
            quotient[place] = guess as u32;
        }
        (Self(quotient).trimmed(), Self(rest).trimmed().shr(shift))
    }

    pub(super) fn rem(&self, divisor: &Self) -> Self {
        self.div_rem(divisor).1
    }

    /// The greatest common divisor (Euclid).
    pub(super) fn gcd(&self, other: &Self) -> Self {
        let (mut a, mut b) = (self.clone(), other.clone());
        while !b.is_zero() {
            (a, b) = (b.clone(), a.rem(&b));
        }
        a
    }

    /// The largest number whose square is not above this one (Newton).
    pub(super) fn sqrt(&self) -> Self {
        if self.is_zero() {
            return self.clone();
        }
        let mut root = Self::from(1).shl(self.bits() / 2 + 1);
        loop {
            let next = root.add(&self.div_rem(&root).0).shr(1);
            if next >= root {
                return root;
            }
            root = next;
        }
    }
}

/// Subtracts `factor * divisor` from `window`; whether it went below zero.
fn subtract_multiple(window: &mut [u32], divisor: &[u32], factor: u64) -> bool {
    let (mut carry, mut borrow) = (0, 0);
    for (index, digit) in window.iter_mut().enumerate() {
        let product = factor * divisor.get(index).copied().unwrap_or(0) as u64 + carry;
        carry = product >> 32;
        let difference = *digit as i64 - (product as u32) as i64 + borrow;
        *digit = difference as u32;
        borrow = difference >> 32;
    }
    borrow != 0
}

fn add_back(window: &mut [u32], divisor: &[u32]) {
    let mut carry = 0;
    for (index, digit) in window.iter_mut().enumerate() {
        let sum = *digit as u64 + divisor.get(index).copied().unwrap_or(0) as u64 + carry;
        *digit = sum as u32;
        carry = sum >> 32;
    }
}

impl PartialOrd for Natural {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Natural {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn random(rng: &mut Rng) -> Natural {
        // Digits of all ones and zeros are where division goes wrong.
        let digits = (0..rng.below(6)).map(|_| match rng.below(4) {
            0 => u32::MAX,
            1 => 0,
            2 => 1 << 31,
            _ => rng.next_u64() as u32,
        });
        Natural(digits.collect()).trimmed()
    }

    #[test]
    fn arithmetic_agrees_with_itself() {
        let mut rng = Rng::new(5);
        for _ in 0..20_000 {
            let (a, b) = (random(&mut rng), random(&mut rng));
            assert_eq!(a.add(&b).sub(&b), a);
            let root = a.sqrt();
            assert!(root.mul(&root) <= a && root.add(&Natural::from(1)).mul(&root.add(&Natural::from(1))) > a);
            if !b.is_zero() {
                let (quotient, remainder) = a.div_rem(&b);
                assert!(remainder < b);
                assert_eq!(quotient.mul(&b).add(&remainder), a);
                assert!(a.rem(&a.gcd(&b)).is_zero());
            }
        }
    }

    #[test]
    fn arithmetic_agrees_with_the_machine() {
        let mut rng = Rng::new(6);
        for _ in 0..1000 {
            let (a, b) = (rng.next_u64(), rng.next_u64() >> rng.below(60) | 1);
            let (big_a, big_b) = (Natural::from(a), Natural::from(b));
            assert_eq!(big_a.rem(&big_b).to_u64(), Some(a % b));
            let high = big_a.mul(&big_b).shr(64);
            assert_eq!(high.to_u64(), Some(((a as u128 * b as u128) >> 64) as u64));
        }
    }
}
