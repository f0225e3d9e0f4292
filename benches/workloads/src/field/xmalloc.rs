//! `xmalloc`: some threads only take, others only free.
//!
//! After `xmalloc-test`: Lever and Boreham, "malloc() performance in a multithreaded Linux environment" (USENIX 2000), in
//! the form that Kuszmaul gave it, "SuperMalloc: a super fast multithreaded malloc for 64-bit machines" (ISMM 2015).
//! Producers fill batches with blocks of assorted sizes; consumers free whole batches. The asymmetry defeats caches that
//! hope to see a freed block taken again.
//!
//! Differs: a bounded channel of the standard library holds the batches; of `n` threads half are producers, but there is at
//! least one of each kind, so that one thread means two.
//!
//! Cannot show: the allocator alone. Who waits for the channel is in the number.

use crate::block::Block;
use crate::tally::Tally;
use crate::team::{SHARES, on_threads, rng_of};
use crate::{Pass, Setting};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

const SIZES: [usize; 16] = [16, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048];
const BATCH_BLOCKS: usize = 120;
const BATCHES: usize = 16_000;
const CHANNEL_BATCHES: usize = 64;

type Batch = Vec<Block>;

pub(super) fn prepare(setting: &Setting) -> Pass {
    let Setting { threads, seed, .. } = *setting;
    let batches_per_share = setting.scaled(BATCHES / SHARES);
    let producers = (threads / 2).max(1);
    let consumers = (threads - threads / 2).max(1);
    Box::new(move || {
        let (sender, receiver) = sync_channel(CHANNEL_BATCHES);
        let receiver = Mutex::new(receiver);
        let mut tally = Tally::default();
        thread::scope(|scope| {
            for producer in 0..producers {
                let sender = sender.clone();
                scope.spawn(move || {
                    for share in (producer..SHARES).step_by(producers) {
                        produce(share, seed, batches_per_share, &sender);
                    }
                });
            }
            // The consumers end when no producer is left.
            drop(sender);
            tally = on_threads(consumers, |_| consume(&receiver));
        });
        tally.outcome()
    })
}

fn produce(share: usize, seed: u64, batches: usize, sender: &SyncSender<Batch>) {
    let mut rng = rng_of(seed, share);
    for _ in 0..batches {
        let batch = (0..BATCH_BLOCKS as u32).map(|tag| Block::take(SIZES[rng.below(SIZES.len())], tag)).collect();
        sender.send(batch).expect("consumers stay to the end");
    }
}

fn consume(receiver: &Mutex<Receiver<Batch>>) -> Tally {
    let mut tally = Tally::default();
    let next = || receiver.lock().expect("no consumer panics").recv();
    while let Ok(batch) = next() {
        for block in batch {
            block.give(&mut tally);
        }
    }
    tally
}
