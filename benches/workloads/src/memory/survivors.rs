//! Imitates an interpreter between two large tasks: interned strings, caches and types stay among the dead objects of the
//! first, and the second has objects of other sizes.
//!
//! Cannot show: survivors that were taken together, as most are; random ones are the worst case. A pause longer than its
//! own: an allocator that gives memory back after ten seconds shows nothing here.

use super::ledger::Ledger;
use crate::block::Places;
use crate::rng::Rng;
use crate::{Pass, Setting};

const OBJECTS: usize = 1_000_000;
/// Larger objects, of about as many bytes together.
const OTHER_OBJECTS: usize = OBJECTS / 4;

const PAUSE_MS: u64 = 1200;
const LAST_PAUSE_MS: u64 = 800;

pub(super) fn prepare(setting: &Setting, one_in: usize) -> Pass {
    let setting = *setting;
    let mut objects = Places::new(setting.scaled(OBJECTS));
    let mut others = Places::new(setting.scaled(OTHER_OBJECTS));
    Box::new(move || {
        let mut rng = Rng::new(setting.seed);
        let mut ledger = Ledger::new(&setting);
        ledger.phase("grow");
        ledger.fill(&mut objects, || rng.between(49, 489));
        ledger.phase("free part");
        ledger.free(&mut objects, || rng.below(one_in) > 0);
        ledger.idle(PAUSE_MS);
        ledger.phase("grow differently");
        ledger.fill(&mut others, || rng.between(500, 1700));
        ledger.phase("free all");
        ledger.free(&mut objects, || true);
        ledger.free(&mut others, || true);
        ledger.idle(LAST_PAUSE_MS);
        ledger.outcome()
    })
}
