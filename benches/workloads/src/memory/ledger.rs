//! What a workload of one thread has in use, told to the timeline as it changes.

use crate::Outcome;
use crate::block::{Block, Places};
use crate::tally::Tally;
use crate::{Setting, timeline};
use std::time::Duration;

/// Takes and frees blocks, and knows how many bytes are in use.
#[derive(Debug)]
pub(super) struct Ledger {
    live_bytes: usize,
    tally: Tally,
    divisor: u32,
}

impl Ledger {
    /// Nothing in use. Pauses are divided as the work is.
    pub(super) fn new(setting: &Setting) -> Self {
        Self { live_bytes: 0, tally: Tally::default(), divisor: setting.divisor }
    }

    pub(super) fn live_bytes(&self) -> usize {
        self.live_bytes
    }

    /// The phase `name` begins.
    pub(super) fn phase(&self, name: &'static str) {
        timeline::phase(name, self.live_bytes);
    }

    /// A phase in which nothing happens for so long.
    pub(super) fn idle(&self, milliseconds: u64) {
        self.phase("idle");
        std::thread::sleep(Duration::from_millis(milliseconds) / self.divisor);
    }

    /// Notes that `bytes` more are in use.
    pub(super) fn took(&mut self, bytes: usize) {
        self.live_bytes += bytes;
        timeline::live(self.live_bytes);
    }

    /// Notes that `bytes` fewer are in use.
    pub(super) fn gave(&mut self, bytes: usize) {
        self.live_bytes -= bytes;
        self.tally.add(bytes as u64);
        timeline::live(self.live_bytes);
    }

    /// Notes damage of `what` unless `intact`.
    pub(super) fn expect(&mut self, intact: bool, what: &str) {
        self.tally.expect(intact, what);
    }

    /// Takes a block and writes all of it, so that all of it is resident.
    pub(super) fn take(&mut self, size: usize, tag: u32) -> Block {
        let mut block = Block::take(size, tag);
        block.fill();
        self.took(size);
        block
    }

    /// Frees a block, reading one in eight.
    pub(super) fn give(&mut self, block: Block) {
        self.live_bytes -= block.size();
        block.give_cold(&mut self.tally);
        timeline::live(self.live_bytes);
    }

    /// Takes a block for each empty place; `size` chooses the sizes.
    pub(super) fn fill(&mut self, places: &mut [Option<Block>], mut size: impl FnMut() -> usize) {
        for (place, tag) in places.iter_mut().zip(0..).filter(|(place, _)| place.is_none()) {
            *place = Some(self.take(size(), tag));
        }
    }

    /// Frees the blocks that `chosen` picks.
    pub(super) fn free(&mut self, places: &mut Places, mut chosen: impl FnMut() -> bool) {
        for place in places.iter_mut().filter(|place| place.is_some()) {
            if chosen()
                && let Some(block) = place.take()
            {
                self.give(block);
            }
        }
    }

    /// The last phase has ended.
    pub(super) fn outcome(self) -> Outcome {
        self.phase("end");
        self.tally.outcome()
    }
}
