//! One thread, through the trait `GlobalAlloc`.

use crate::layouts::{Align, Budget, Size};
use crate::oracle::{Block, Oracle};
use crate::settings::Setting;
use crate::zero::verify_zero;
use arbitrary::Arbitrary;
use cenote::Cenote;
use std::alloc::{GlobalAlloc, Layout};

/// What the program does.
pub type Actions = Vec<Action>;

/// A call. Blocks are named by numbers, modulo how many there are.
#[allow(missing_docs, reason = "named after the calls")]
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Action {
    Alloc(Size, Align),
    AllocZeroed(Size, Align),
    /// So many equal blocks.
    AllocMany(Size, u8),
    Realloc(u16, Size),
    Dealloc(u16),
    /// Every so-manieth block.
    DeallocMany(u8),
    Purge,
    Check,
    Stats,
    Configure(Setting),
}

#[derive(Default)]
struct Machine {
    oracle: Oracle,
    blocks: Vec<(Block, Layout)>,
}

impl Machine {
    fn alloc(&mut self, layout: Layout, zeroed: bool) {
        // SAFETY: no layout is empty.
        let start = unsafe { if zeroed { Cenote.alloc_zeroed(layout) } else { Cenote.alloc(layout) } };
        assert!(!start.is_null(), "no memory for {layout:?}");
        if zeroed {
            // SAFETY: the block is ours.
            unsafe { verify_zero(start, layout.size()) };
        }
        // SAFETY: the block is ours.
        let block = unsafe { self.oracle.add(start, layout.size(), layout.align()) };
        self.blocks.push((block, layout));
    }

    fn dealloc(&mut self, index: usize) {
        let (block, layout) = self.blocks.swap_remove(index);
        self.oracle.remove(block);
        // SAFETY: allocated with this layout, and forgotten.
        unsafe { Cenote.dealloc(block.start, layout) };
    }

    fn realloc(&mut self, index: usize, size: usize) {
        let (block, old) = self.blocks[index];
        let new = Layout::from_size_align(size, old.align()).expect("sizes and alignments are modest");
        // SAFETY: allocated with this layout; the new size is valid with its alignment, and not zero.
        let start = unsafe { Cenote.realloc(block.start, old, size) };
        // SAFETY: the block is ours in its new place.
        let block = unsafe { self.oracle.replace(block, old.size(), start, size, old.align()) };
        self.blocks[index] = (block, new);
    }

    /// The block that a number means, if there is any.
    fn index(&self, number: u16) -> Option<usize> {
        usize::from(number).checked_rem(self.blocks.len())
    }
}

/// Plays the program.
pub fn run(actions: Actions) {
    Setting::reset();
    let mut machine = Machine::default();
    let mut budget = Budget::new();
    for action in actions {
        match action {
            Action::Alloc(size, align) => machine.alloc(budget.layout(size, align), false),
            Action::AllocZeroed(size, align) => machine.alloc(budget.layout(size, align), true),
            Action::AllocMany(size, count) => {
                for _ in 0..count {
                    machine.alloc(budget.layout(size, Align(1)), false);
                }
            }
            Action::Realloc(number, size) => {
                if let Some(index) = machine.index(number) {
                    machine.realloc(index, budget.admit(size));
                }
            }
            Action::Dealloc(number) => {
                if let Some(index) = machine.index(number) {
                    machine.dealloc(index);
                }
            }
            Action::DeallocMany(step) => {
                let indices = (0..machine.blocks.len()).rev().step_by(usize::from(step).max(1));
                indices.for_each(|index| machine.dealloc(index));
            }
            Action::Purge => {
                Cenote::purge();
            }
            Action::Check => {
                machine.oracle.verify_all();
                Cenote::check();
            }
            Action::Stats => drop(Cenote::stats()),
            Action::Configure(setting) => setting.apply(),
        }
    }
    while !machine.blocks.is_empty() {
        machine.dealloc(0);
    }
    Cenote::check();
}
