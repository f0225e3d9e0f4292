//! Imitates a service whose objects grow over its life (another customer, another version of a format): each stage fills
//! the memory with larger blocks than the last, and frees nine in ten of all there are.
//!
//! Robson, "Worst case fragmentation of first fit and best fit storage allocation strategies" (Computer Journal 20, 1977),
//! builds his bound in this way; here survivors are random, not chosen by an adversary.
//!
//! Cannot show: memory given back in pauses. There are none.

use super::ledger::Ledger;
use crate::block::Places;
use crate::rng::Rng;
use crate::{Pass, Setting};

const FULL_BYTES: usize = 96 << 20;
const SURVIVES_ONE_IN: usize = 10;

/// The least size of each stage; sizes reach up to half as much again.
const STAGES: [(&str, usize); 8] = [
    ("32 B", 32),
    ("64 B", 64),
    ("128 B", 128),
    ("256 B", 256),
    ("512 B", 512),
    ("1 KiB", 1024),
    ("3 KiB", 3072),
    ("10 KiB", 10_240),
];

pub(super) fn prepare(setting: &Setting) -> Pass {
    let setting = *setting;
    let full_bytes = setting.scaled(FULL_BYTES);
    // The first stage has most blocks; what survives it lies before those of later stages.
    let mut places = Places::new(full_bytes / STAGES[0].1);
    Box::new(move || {
        let mut rng = Rng::new(setting.seed);
        let mut ledger = Ledger::new(&setting);
        for (name, least) in STAGES {
            ledger.phase(name);
            for place in places.iter_mut().filter(|place| place.is_none()) {
                if ledger.live_bytes() >= full_bytes {
                    break;
                }
                *place = Some(ledger.take(rng.between(least, least + least / 2), least as u32));
            }
            ledger.free(&mut places, || rng.below(SURVIVES_ONE_IN) > 0);
        }
        ledger.phase("free all");
        ledger.free(&mut places, || true);
        ledger.outcome()
    })
}
