//! `sh8bench`: as `sh6bench`, with blocks that other threads free.
//!
//! After MicroQuill's benchmark of SmartHeap for threads, as the README of mimalloc-bench describes it: some objects are
//! freed by other threads, as in `larson`, and some in reverse order, as in `sh6bench`.
//!
//! Differs: what is left of a round is exchanged for what another share left, through places that all share.
//!
//! Cannot show: a queue between threads; nobody waits for anybody.

use super::sh6bench::{free_in_reverse, take_run};
use crate::block::{Places, SharedPlaces};
use crate::team::{SHARES, on_shares, rng_of};
use crate::{Pass, Setting};

const ROUNDS: usize = 480;
const BLOCKS_PER_ROUND: usize = 2000;

/// Room for what some rounds leave.
const SHARED_PLACES: usize = 4 * BLOCKS_PER_ROUND;

pub(super) fn prepare(setting: &Setting) -> Pass {
    let Setting { threads, seed, .. } = *setting;
    let rounds = setting.scaled(ROUNDS / SHARES);
    let shared = SharedPlaces::new(SHARED_PLACES);
    Box::new(move || {
        let mut tally = on_shares(threads, |share, tally| {
            let mut rng = rng_of(seed, share);
            let mut places = Places::new(BLOCKS_PER_ROUND);
            for _ in 0..rounds {
                take_run(&mut places, &mut rng);
                free_in_reverse(&mut places, tally);
                let first = rng.below(SHARED_PLACES);
                for (place, index) in places.iter_mut().zip(first..) {
                    if let Some(block) = place.take() {
                        *place = shared.exchange(index % SHARED_PLACES, Some(block));
                    }
                }
                places.give_all(tally);
            }
        });
        shared.give_all(&mut tally);
        tally.outcome()
    })
}
