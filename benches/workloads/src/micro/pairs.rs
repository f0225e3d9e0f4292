//! Imitates a loop that builds one temporary object per step (a formatted string, a boxed closure) in a program that
//! holds some others of its size.
//!
//! Cannot show: anything but the shortest path. The block is always the same one and in the cache; nothing is refilled,
//! returned or fragmented.

use crate::block::{Block, Places};
use crate::tally::Tally;
use crate::{Pass, Setting, line};

const NEIGHBOURS: usize = 200;
const PAIRS: usize = 8_000_000;

pub(super) fn prepare(setting: &Setting, size: usize) -> Pass {
    let pairs = setting.scaled(PAIRS) as u32;
    let mut neighbours = Places::new(NEIGHBOURS);
    for (place, tag) in neighbours.iter_mut().zip(0..) {
        *place = Some(Block::take(size, tag));
    }
    Box::new(move || {
        let mut tally = Tally::default();
        line::start();
        for tag in 0..pairs {
            Block::take(size, tag).give(&mut tally);
        }
        for block in neighbours.iter().flatten() {
            block.check(&mut tally);
        }
        tally.outcome()
    })
}
