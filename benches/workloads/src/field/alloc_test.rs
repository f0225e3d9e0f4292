//! `alloc-test`: Pareto sizes at Pareto places, all bytes written and read.
//!
//! After "Testing memory allocators" (IT Hare, 2018), which mimalloc-bench runs: a random place is looked at; an object
//! there is read and freed, and into an empty one a new object of up to 1 KiB is written. Few places see most of the
//! traffic, so most objects die young and some stay.
//!
//! Differs: sizes have a Pareto distribution of index one, places one in which four fifths of the traffic goes to one fifth;
//! the original draws both from powers of two.
//!
//! Cannot show: objects that threads share; each share has its own places.

use crate::rng::Rng;
use crate::tally::Tally;
use crate::team::{SHARES, on_shares, rng_of};
use crate::{Pass, Setting};

const PLACES_PER_SHARE: usize = 20_000;
const STEPS: usize = 800_000;
const MIN_SIZE: usize = 16;
const MAX_SIZE: usize = 1024;

pub(super) fn prepare(setting: &Setting) -> Pass {
    let Setting { threads, seed, .. } = *setting;
    let places = setting.scaled(PLACES_PER_SHARE);
    let steps = setting.scaled(STEPS / SHARES);
    Box::new(move || {
        let tally = on_shares(threads, |share, tally| {
            let mut rng = rng_of(seed, share);
            let mut objects: Vec<Option<Box<[u8]>>> = vec![None; places];
            for _ in 0..steps {
                let object = &mut objects[place(&mut rng, places)];
                match object.take() {
                    Some(old) => read(&old, tally),
                    None => *object = Some(write(&mut rng)),
                }
            }
            for object in objects.iter().flatten() {
                read(object, tally);
            }
        });
        tally.outcome()
    })
}

/// A number between 0 and 1.
fn unit(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

fn place(rng: &mut Rng, places: usize) -> usize {
    // The seventh power lies below a fifth with a probability of 0.2^(1/7), four fifths.
    (unit(rng).powi(7) * places as f64) as usize
}

fn write(rng: &mut Rng) -> Box<[u8]> {
    let size = (MIN_SIZE as f64 / (1.0 - unit(rng))) as usize;
    vec![size as u8; size.min(MAX_SIZE)].into_boxed_slice()
}

/// Adds up the bytes, all of which are the first.
fn read(object: &[u8], tally: &mut Tally) {
    let sum: u64 = object.iter().map(|&byte| byte as u64).sum();
    tally.expect(sum == object[0] as u64 * object.len() as u64, "an object");
    tally.add(sum);
}
