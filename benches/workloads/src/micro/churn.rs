//! Imitates a cache or an object store in steady state: about 60 MiB live, entries of mixed sizes replaced at random, so
//! that a freed block is cold and the next one of its size has another neighbour each time.
//!
//! Cannot show: phases. The mix of sizes never changes, and lifetimes are exponential; real programs free together what
//! they took together. Much of the time is cache misses on the slots and blocks themselves, the same for every allocator.

use super::mixed_size;
use crate::block::{Block, Places, renew};
use crate::rng::Rng;
use crate::tally::Tally;
use crate::{Pass, Setting};

const SLOTS: usize = 100_000;
const STEPS: usize = 900_000;

/// The slots are filled here and stay filled between passes: a pass is a stretch of the steady state.
pub(super) fn prepare(setting: &Setting) -> Pass {
    let steps = setting.scaled(STEPS) as u32;
    let mut rng = Rng::new(setting.seed);
    let mut slots = Places::new(setting.scaled(SLOTS));
    for (slot, tag) in slots.iter_mut().zip(0..) {
        *slot = Some(Block::take(mixed_size(&mut rng), tag));
    }
    Box::new(move || {
        let mut tally = Tally::default();
        for tag in 0..steps {
            let index = rng.below(slots.len());
            renew(&mut slots[index], mixed_size(&mut rng), tag, &mut tally);
        }
        tally.outcome()
    })
}
