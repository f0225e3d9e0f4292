//! One thread, through the trait `Allocator`, on the global allocator and on first-class heaps.

use crate::layouts::{Align, Budget, Size};
use crate::oracle::{Block, Oracle};
use crate::settings::Setting;
use crate::zero::verify_zero;
use allocator_api2::alloc::{AllocError, Allocator};
use arbitrary::Arbitrary;
use cenote::{Cenote, Heap};
use std::alloc::Layout;
use std::ptr::NonNull;

const HEAPS: usize = 4;

/// The longest block that a first-class heap serves.
const HEAP_MAX_BYTES: usize = 32 << 20;

/// What the program does.
pub type Actions = Vec<Action>;

/// A call. Blocks and allocators are named by numbers, modulo how many there are.
#[allow(missing_docs, reason = "named after the calls")]
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Action {
    Allocate { who: u8, size: Size, align: Align, zeroed: bool },
    AllocateMany { who: u8, size: Size, count: u8 },
    AllocateNothing { who: u8, align: Align },
    Grow { block: u16, by: Size, align: Option<Align>, zeroed: bool },
    Shrink { block: u16, to: u16, align: Option<Align> },
    /// From now on the block goes by another layout that fits it.
    Refit { block: u16, size: u16 },
    Deallocate { block: u16 },
    DeallocateMany { step: u8 },
    DropHeap { which: u8 },
    Purge,
    Check,
    Configure(Setting),
}

struct Owned {
    block: Block,
    /// The number of its heap; none if it is the global allocator's.
    heap: Option<usize>,
    /// By which it would be freed, and the size that it was asked with.
    layout: Layout,
    asked: usize,
}

#[derive(Default)]
struct Machine {
    heaps: [Heap; HEAPS],
    oracle: Oracle,
    blocks: Vec<Owned>,
}

type Answer = Result<NonNull<[u8]>, AllocError>;

impl Machine {
    fn with_allocator(&self, heap: Option<usize>, call: impl FnOnce(&dyn Allocator) -> Answer) -> Answer {
        match heap {
            Some(heap) => call(&&self.heaps[heap]),
            None => call(&Cenote),
        }
    }

    /// The answer's block; none if it is a refusal that is due.
    fn check(&self, answer: Answer, heap: Option<usize>, layout: Layout) -> Option<NonNull<[u8]>> {
        match answer {
            Ok(block) => {
                assert!(block.len() >= layout.size());
                assert_eq!(block.len(), cenote::usable_size(layout), "{layout:?}");
                Some(block)
            }
            Err(_) => {
                assert!(heap.is_some() && layout.size() > HEAP_MAX_BYTES, "no memory for {layout:?}");
                None
            }
        }
    }

    fn allocate(&mut self, who: u8, layout: Layout, zeroed: bool) {
        let heap = usize::from(who).checked_rem(HEAPS + 1).and_then(|who| who.checked_sub(1));
        let answer = self.with_allocator(heap, |allocator| {
            if zeroed { allocator.allocate_zeroed(layout) } else { allocator.allocate(layout) }
        });
        let Some(block) = self.check(answer, heap, layout) else { return };
        if zeroed {
            // SAFETY: the block is ours.
            unsafe { verify_zero(block.cast().as_ptr(), block.len()) };
        }
        // SAFETY: the block is ours.
        let block = unsafe { self.oracle.add(block.cast().as_ptr(), block.len(), layout.align()) };
        self.blocks.push(Owned { block, heap, layout, asked: layout.size() });
    }

    fn resize(&mut self, index: usize, new: Layout, zeroed: bool) {
        let &Owned { block, heap, layout: old, .. } = &self.blocks[index];
        let start = NonNull::new(block.start).expect("blocks are not null");
        let answer = self.with_allocator(heap, |allocator| {
            // SAFETY: the block is that allocator's and fits the old layout; the new size is on the right side of the old.
            unsafe {
                if new.size() < old.size() {
                    allocator.shrink(start, old, new)
                } else if zeroed {
                    allocator.grow_zeroed(start, old, new)
                } else {
                    allocator.grow(start, old, new)
                }
            }
        });
        let Some(resized) = self.check(answer, heap, new) else { return };
        let start = resized.cast::<u8>().as_ptr();
        if zeroed && new.size() >= old.size() {
            // SAFETY: the block is ours.
            unsafe { verify_zero(start.add(old.size()), resized.len() - old.size()) };
        }
        let kept = old.size().min(new.size());
        // SAFETY: the block is ours in its new place.
        let block = unsafe { self.oracle.replace(block, kept, start, resized.len(), new.align()) };
        self.blocks[index] = Owned { block, heap, layout: new, asked: new.size() };
    }

    fn deallocate(&mut self, index: usize) {
        let owned = self.blocks.swap_remove(index);
        self.oracle.remove(owned.block);
        let start = NonNull::new(owned.block.start).expect("blocks are not null");
        // SAFETY: the block is that allocator's, fits the layout, and is forgotten.
        unsafe {
            match owned.heap {
                Some(heap) => (&self.heaps[heap]).deallocate(start, owned.layout),
                None => Cenote.deallocate(start, owned.layout),
            }
        }
    }

    fn drop_heap(&mut self, heap: usize) {
        let (gone, left) = std::mem::take(&mut self.blocks).into_iter().partition(|owned| owned.heap == Some(heap));
        self.blocks = left;
        let gone: Vec<Owned> = gone;
        gone.into_iter().for_each(|owned| self.oracle.remove(owned.block));
        self.heaps[heap] = Heap::new();
    }

    /// The block that a number means, if there is any.
    fn index(&self, number: u16) -> Option<usize> {
        usize::from(number).checked_rem(self.blocks.len())
    }
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("sizes and alignments are modest")
}

/// Plays the program.
pub fn run(actions: Actions) {
    Setting::reset();
    let mut machine = Machine::default();
    let mut budget = Budget::new();
    for action in actions {
        match action {
            Action::Allocate { who, size, align, zeroed } => machine.allocate(who, budget.layout(size, align), zeroed),
            Action::AllocateMany { who, size, count } => {
                (0..count).for_each(|_| machine.allocate(who, budget.layout(size, Align(8)), false));
            }
            Action::AllocateNothing { who, align } => machine.allocate(who, layout(0, align.0), false),
            Action::Grow { block, by, align, zeroed } => {
                if let Some(index) = machine.index(block) {
                    let old = machine.blocks[index].layout;
                    let size = budget.admit(Size(old.size() + by.0)).max(old.size());
                    machine.resize(index, layout(size, align.map_or(old.align(), |align| align.0)), zeroed);
                }
            }
            Action::Shrink { block, to, align } => {
                if let Some(index) = machine.index(block) {
                    let old = machine.blocks[index].layout;
                    let size = old.size() * usize::from(to) / usize::from(u16::MAX);
                    machine.resize(index, layout(size, align.map_or(old.align(), |align| align.0)), false);
                }
            }
            Action::Refit { block, size } => {
                if let Some(index) = machine.index(block) {
                    let owned = &mut machine.blocks[index];
                    let spare = owned.block.len - owned.asked;
                    let size = owned.asked + usize::from(size) % (spare + 1);
                    owned.layout = layout(size, owned.layout.align());
                }
            }
            Action::Deallocate { block } => {
                if let Some(index) = machine.index(block) {
                    machine.deallocate(index);
                }
            }
            Action::DeallocateMany { step } => {
                let indices = (0..machine.blocks.len()).rev().step_by(usize::from(step).max(1));
                indices.for_each(|index| machine.deallocate(index));
            }
            Action::DropHeap { which } => machine.drop_heap(usize::from(which) % HEAPS),
            Action::Purge => {
                Cenote::purge();
            }
            Action::Check => {
                machine.oracle.verify_all();
                Cenote::check();
            }
            Action::Configure(setting) => setting.apply(),
        }
    }
    (0..HEAPS).for_each(|heap| machine.drop_heap(heap));
    while !machine.blocks.is_empty() {
        machine.deallocate(0);
    }
    Cenote::check();
}
