//! `glibc-thread`: random replacement in small working sets.
//!
//! After `bench-malloc-thread` of the GNU C library's benchmarks: each thread has 1024 places; it frees what is in a random
//! one and takes a block of 4 to 32,768 bytes, small ones far more often.
//!
//! Differs: frequencies fall with the power -0.9 of the size, a law of ours where the description only says that small ones
//! prevail.
//!
//! Cannot show: sharing. No block changes threads.

use crate::block::{Places, renew};
use crate::mapped::MappedSlice;
use crate::rng::Rng;
use crate::team::{SHARES, on_shares, rng_of};
use crate::{Pass, Setting};

const PLACES: usize = 1024;
const STEPS: usize = 1_280_000;
const MIN_SIZE: usize = 16;
const MAX_SIZE: usize = 32_768;

/// How many sizes are drawn beforehand, as in the original.
const SIZES: usize = 8192;

pub(super) fn prepare(setting: &Setting) -> Pass {
    let Setting { threads, seed, .. } = *setting;
    let steps = setting.scaled(STEPS / SHARES) as u32;
    let sizes = sizes(seed);
    Box::new(move || {
        let tally = on_shares(threads, |share, tally| {
            let mut rng = rng_of(seed, share);
            let mut places = Places::new(PLACES);
            for tag in 0..steps {
                let index = rng.below(PLACES);
                renew(&mut places[index], sizes[rng.below(SIZES)] as usize, tag, tally);
            }
            places.give_all(tally);
        });
        tally.outcome()
    })
}

/// Sizes drawn by the inverse of the power law's distribution.
fn sizes(seed: u64) -> MappedSlice<u16> {
    /// One over the power of the distribution, one above the power of the frequencies.
    const INVERSE_POWER: i32 = 10;
    let mut rng = Rng::new(seed);
    let [low, high] = [MIN_SIZE, MAX_SIZE].map(|size| (size as f64).powf(1.0 / INVERSE_POWER as f64));
    MappedSlice::new(SIZES, |_| {
        let unit = rng.below(1 << 24) as f64 / (1 << 24) as f64;
        (low + unit * (high - low)).powi(INVERSE_POWER) as u16
    })
}
