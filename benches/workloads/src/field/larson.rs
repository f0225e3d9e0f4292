//! `larson`: a server whose sessions outlive the threads that serve them.
//!
//! After Larson and Krishnan, "Memory allocation for long-running server applications" (ISMM 1998), with the sizes and
//! counts of mimalloc-bench's `larsonN`: a thread replaces random blocks of a session, then ends and leaves the session to
//! a new thread, which goes on to free what its predecessor took.
//!
//! Differs: work is fixed, where the original counts operations in a time; so sessions of all threads together are as many
//! whatever their number.
//!
//! Cannot show: latency under load. The threads do nothing but allocate, and starting one is in the number.

use crate::block::{Block, Places, renew};
use crate::rng::Rng;
use crate::tally::Tally;
use crate::team::{SHARES, on_shares, rng_of};
use crate::{Pass, Setting};
use std::thread;

const BLOCKS_PER_SESSION: usize = 5000;
const GENERATIONS: usize = 6;
const REPLACEMENTS: usize = 1_500_000;

pub(super) fn prepare(setting: &Setting) -> Pass {
    let Setting { threads, seed, .. } = *setting;
    let blocks = setting.scaled(BLOCKS_PER_SESSION);
    let replacements = setting.scaled(REPLACEMENTS / GENERATIONS / SHARES);
    Box::new(move || {
        let tally = on_shares(threads, |share, tally| {
            let mut rng = rng_of(seed, share);
            let mut session = Places::new(blocks);
            for place in session.iter_mut() {
                serve(place, &mut rng, tally);
            }
            for _ in 0..GENERATIONS {
                thread::scope(|scope| {
                    scope.spawn(|| {
                        for _ in 0..replacements {
                            let index = rng.below(blocks);
                            serve(&mut session[index], &mut rng, tally);
                        }
                    });
                });
            }
            session.give_all(tally);
        });
        tally.outcome()
    })
}

fn serve(place: &mut Option<Block>, rng: &mut Rng, tally: &mut Tally) {
    let size = rng.between(16, 1000);
    renew(place, size, size as u32, tally);
}
