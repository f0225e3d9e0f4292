//! `rptest`: random sizes up to 16,000 bytes, some blocks freed by other threads.
//!
//! After Jansson's benchmark of rpmalloc, with the arguments that mimalloc-bench gives it: each thread holds a thousand
//! blocks and replaces a tenth at a time; sizes of 8 to 16,000 bytes whose frequency falls linearly; in every second loop
//! some blocks go to another thread, which frees them.
//!
//! Differs: a thread does several shares of the work, one after another. What reaches a thread that has ended is freed at
//! the end.
//!
//! Cannot show: the use of the memory. Of each block only both ends are written.

use crate::block::{Block, Places, renew};
use crate::rng::Rng;
use crate::tally::Tally;
use crate::team::{SHARES, on_shares, rng_of};
use crate::{Pass, Setting};
use std::sync::{Mutex, PoisonError};

const BLOCKS_PER_SHARE: usize = 1000;
const BLOCKS_PER_OPERATION: usize = 100;
const LOOPS: usize = 1600;
const MIN_SIZE: usize = 16;
const MAX_SIZE: usize = 16_000;

/// Of so many loops one gives blocks away.
const CROSS_RATE: usize = 2;

type Mailbox = Mutex<Vec<Block>>;

pub(super) fn prepare(setting: &Setting) -> Pass {
    let Setting { threads, seed, .. } = *setting;
    let loops = setting.scaled(LOOPS / SHARES);
    let blocks = setting.scaled(BLOCKS_PER_SHARE).max(BLOCKS_PER_OPERATION);
    Box::new(move || {
        let mailboxes: Vec<Mailbox> = (0..threads.max(1)).map(|_| Mailbox::default()).collect();
        let mut tally = on_shares(threads, |share, tally| {
            let mut rng = rng_of(seed, share);
            let thread = share % mailboxes.len();
            let mut places = Places::new(blocks);
            for turn in 0..loops {
                for _ in 0..BLOCKS_PER_OPERATION {
                    let index = rng.below(blocks);
                    renew(&mut places[index], size(&mut rng), index as u32, tally);
                }
                if turn % CROSS_RATE == 0 {
                    let gifts = (0..BLOCKS_PER_OPERATION as u32).map(|tag| Block::take(size(&mut rng), tag)).collect();
                    post(&mailboxes[(thread + 1) % mailboxes.len()], gifts);
                    empty(&mailboxes[thread], tally);
                }
            }
            places.give_all(tally);
        });
        for mailbox in &mailboxes {
            empty(mailbox, &mut tally);
        }
        tally.outcome()
    })
}

/// Of two numbers the smaller: its frequency falls linearly.
fn size(rng: &mut Rng) -> usize {
    rng.between(MIN_SIZE, MAX_SIZE).min(rng.between(MIN_SIZE, MAX_SIZE))
}

fn post(mailbox: &Mailbox, mut blocks: Vec<Block>) {
    mailbox.lock().unwrap_or_else(PoisonError::into_inner).append(&mut blocks);
}

fn empty(mailbox: &Mailbox, tally: &mut Tally) {
    let blocks = std::mem::take(&mut *mailbox.lock().unwrap_or_else(PoisonError::into_inner));
    for block in blocks {
        block.give(tally);
    }
}
