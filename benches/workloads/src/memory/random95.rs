//! Imitates a cache of small entries after most of them expired, which is then filled with entries of twice the size.
//!
//! Cannot show: an allocator that moves objects. Hardly an OS page is free of survivors at first, so allocators differ by
//! their bookkeeping, and by whether what lies between the survivors serves the larger entries.

use super::ledger::Ledger;
use crate::block::Places;
use crate::rng::Rng;
use crate::{Pass, Setting};

const SIZE: usize = 64;
const BLOCKS: usize = (128 << 20) / SIZE;
const LARGER_BLOCKS: usize = BLOCKS / 2;
const SURVIVES_ONE_IN: usize = 20;
const PAUSE_MS: u64 = 1000;

pub(super) fn prepare(setting: &Setting) -> Pass {
    let setting = *setting;
    let mut blocks = Places::new(setting.scaled(BLOCKS));
    let mut larger = Places::new(setting.scaled(LARGER_BLOCKS));
    Box::new(move || {
        let mut rng = Rng::new(setting.seed);
        let mut ledger = Ledger::new(&setting);
        ledger.phase("grow");
        ledger.fill(&mut blocks, || SIZE);
        ledger.phase("free 95 %");
        ledger.free(&mut blocks, || rng.below(SURVIVES_ONE_IN) > 0);
        ledger.idle(PAUSE_MS);
        ledger.phase("grow differently");
        ledger.fill(&mut larger, || 2 * SIZE);
        ledger.phase("free all");
        ledger.free(&mut blocks, || true);
        ledger.free(&mut larger, || true);
        ledger.idle(PAUSE_MS);
        ledger.outcome()
    })
}
