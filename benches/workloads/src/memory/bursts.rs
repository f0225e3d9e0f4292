//! Imitates a server: a steady state of sessions, and bursts of requests that each need a buffer and many small objects
//! until all of the burst is answered. A few of these objects stay, in place of older ones.
//!
//! Cannot show: requests that end one by one, or threads.

use super::ledger::Ledger;
use crate::block::{Block, Places};
use crate::rng::Rng;
use crate::{Pass, Setting};

const SESSIONS: usize = 20_000;
const BURSTS: usize = 5;
const REQUESTS: usize = 800;
const OBJECTS_PER_REQUEST: usize = 150;
const BUFFER_BYTES: usize = 48 << 10;

/// Of so many objects one stays.
const STAYS_ONE_IN: usize = 50;

const PAUSE_MS: u64 = 300;
const LAST_PAUSE_MS: u64 = 800;

pub(super) fn prepare(setting: &Setting) -> Pass {
    let setting = *setting;
    let mut sessions = Places::new(setting.scaled(SESSIONS));
    let mut buffers = Places::new(setting.scaled(REQUESTS));
    let mut objects = Places::new(buffers.len() * OBJECTS_PER_REQUEST);
    Box::new(move || {
        let mut rng = Rng::new(setting.seed);
        let mut ledger = Ledger::new(&setting);
        ledger.phase("sessions");
        ledger.fill(&mut sessions, || object_size(&mut rng));
        for _ in 0..BURSTS {
            ledger.phase("burst");
            let requests = buffers.iter_mut().zip(objects.chunks_mut(OBJECTS_PER_REQUEST));
            for (buffer, objects) in requests {
                *buffer = Some(ledger.take(BUFFER_BYTES, 0));
                ledger.fill(objects, || object_size(&mut rng));
            }
            ledger.phase("answer");
            ledger.free(&mut buffers, || true);
            for object in objects.iter_mut().filter_map(Option::take) {
                answer(object, &mut sessions, &mut rng, &mut ledger);
            }
            ledger.idle(PAUSE_MS);
        }
        ledger.phase("free all");
        ledger.free(&mut sessions, || true);
        ledger.idle(LAST_PAUSE_MS);
        ledger.outcome()
    })
}

fn answer(object: Block, sessions: &mut [Option<Block>], rng: &mut Rng, ledger: &mut Ledger) {
    let mut done = Some(object);
    if rng.below(STAYS_ONE_IN) == 0 {
        let index = rng.below(sessions.len());
        std::mem::swap(&mut sessions[index], &mut done);
    }
    if let Some(block) = done {
        ledger.give(block);
    }
}

/// Up to 2 KiB, each doubling equally frequent.
fn object_size(rng: &mut Rng) -> usize {
    let low = 16 << rng.below(7);
    rng.between(low, 2 * low)
}
