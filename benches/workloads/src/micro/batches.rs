//! Imitates a request handler or a compiler pass: it builds a thousand nodes, and drops them all at its end, in reverse
//! (a stack or a tree taken down) or in order (a list or vector dropped).
//!
//! Cannot show: what happens when batches of different size classes or ages mix; every round finds the state the last one
//! left, and all blocks stay in the second-level cache.

use crate::block::{Block, Places};
use crate::mapped::MappedSlice;
use crate::rng::Rng;
use crate::tally::Tally;
use crate::{Pass, Setting, line};

const BLOCKS: usize = 1000;
const ROUNDS: usize = 6000;

/// Which block is freed first.
#[derive(Clone, Copy)]
pub(super) enum Order {
    /// The last taken.
    Lifo,
    /// The first taken.
    Fifo,
}

pub(super) fn prepare(setting: &Setting, order: Order, mut size: impl FnMut(&mut Rng) -> usize) -> Pass {
    let rounds = setting.scaled(ROUNDS) as u32;
    let mut rng = Rng::new(setting.seed);
    let sizes = MappedSlice::new(BLOCKS, |_| size(&mut rng));
    let mut places = Places::new(BLOCKS);
    Box::new(move || {
        let mut tally = Tally::default();
        line::start();
        for round in 0..rounds {
            for ((place, &size), tag) in places.iter_mut().zip(sizes.iter()).zip(round..) {
                *place = Some(Block::take(size, tag));
            }
            match order {
                Order::Lifo => places.iter_mut().rev().filter_map(Option::take).for_each(|b| b.give_cold(&mut tally)),
                Order::Fifo => places.give_all(&mut tally),
            }
        }
        tally.outcome()
    })
}
