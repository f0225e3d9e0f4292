//! Imitates a program that starts a thread per task: each takes and frees some hundreds of blocks, leaves one in ten to
//! its successor, and ends.
//!
//! Cannot show: the allocator alone. Most of the number is the kernel's work for a thread. Threads come one after another;
//! `mleak` has several at once.

use crate::block::{Block, Places};
use crate::tally::Tally;
use crate::team::rng_of;
use crate::{Pass, Setting};
use std::thread;

const THREADS: usize = 1000;
const BLOCKS_PER_THREAD: usize = 400;
const SURVIVES_ONE_IN: usize = 10;

pub(super) fn prepare(setting: &Setting) -> Pass {
    let threads = setting.scaled(THREADS);
    let seed = setting.seed;
    let mut places = Places::new(BLOCKS_PER_THREAD);
    let mut survivors = Places::new(BLOCKS_PER_THREAD / SURVIVES_ONE_IN);
    Box::new(move || {
        let mut tally = Tally::default();
        for index in 0..threads {
            thread::scope(|scope| {
                scope.spawn(|| live_and_die(index, seed, &mut places, &mut survivors, &mut tally));
            });
        }
        survivors.give_all(&mut tally);
        tally.outcome()
    })
}

fn live_and_die(index: usize, seed: u64, places: &mut Places, survivors: &mut Places, tally: &mut Tally) {
    let mut rng = rng_of(seed, index);
    for (place, tag) in places.iter_mut().zip(index as u32..) {
        *place = Some(Block::take(rng.between(16, 512), tag));
    }
    survivors.give_all(tally);
    for (index, place) in places.iter_mut().enumerate() {
        if index % SURVIVES_ONE_IN == 0 {
            survivors[index / SURVIVES_ONE_IN] = place.take();
        } else if let Some(block) = place.take() {
            block.give(tally);
        }
    }
}
