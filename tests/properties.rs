//! Random lists of actions, run against an oracle of addresses, alignments and contents.

use std::alloc::{GlobalAlloc, Layout};
use std::ptr::NonNull;

use allocator_api2::alloc::{AllocError, Allocator};
use cenote::{Cenote, Heap};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use oracle::{Block, Oracle};
use zero::verify_zero;

#[path = "common/oracle.rs"]
mod oracle;
#[path = "common/pattern.rs"]
mod pattern;
#[path = "common/zero.rs"]
mod zero;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

const HEAPS: usize = 3;

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        6 => 1..=256_usize,
        4 => 1..=4096_usize,
        2 => 1..=70_000_usize,
        1 => 1..=600_000_usize,
    ]
}

fn align() -> impl Strategy<Value = usize> {
    prop_oneof![
        4 => (0..=4_u32).prop_map(|shift| 1 << shift),
        1 => (5..=13_u32).prop_map(|shift| 1 << shift),
    ]
}

fn layout() -> impl Strategy<Value = Layout> {
    (size(), align()).prop_map(|(size, align)| Layout::from_size_align(size, align).expect("valid"))
}

fn layout_or_empty() -> impl Strategy<Value = Layout> {
    prop_oneof![
        20 => layout(),
        1 => align().prop_map(|align| Layout::from_size_align(0, align).expect("valid")),
    ]
}

/// What a program does through `GlobalAlloc`.
#[derive(Clone, Debug)]
enum GlobalAction {
    Alloc(Layout),
    AllocZeroed(Layout),
    Realloc(Index, usize),
    Dealloc(Index),
    Purge,
    Check,
}

fn global_action() -> impl Strategy<Value = GlobalAction> {
    prop_oneof![
        8 => layout().prop_map(GlobalAction::Alloc),
        2 => layout().prop_map(GlobalAction::AllocZeroed),
        3 => (any::<Index>(), size()).prop_map(|(index, size)| GlobalAction::Realloc(index, size)),
        7 => any::<Index>().prop_map(GlobalAction::Dealloc),
        1 => Just(GlobalAction::Purge),
        1 => Just(GlobalAction::Check),
    ]
}

#[derive(Default)]
struct GlobalMachine {
    oracle: Oracle,
    blocks: Vec<(Block, Layout)>,
}

impl GlobalMachine {
    fn run(&mut self, action: &GlobalAction) {
        match *action {
            GlobalAction::Alloc(layout) => {
                // SAFETY: the layout has a size.
                let start = unsafe { GLOBAL.alloc(layout) };
                self.add(start, layout);
            }
            GlobalAction::AllocZeroed(layout) => {
                // SAFETY: the layout has a size.
                let start = unsafe { GLOBAL.alloc_zeroed(layout) };
                assert!(!start.is_null());
                // SAFETY: the block is ours.
                unsafe { verify_zero(start, layout.size()) };
                self.add(start, layout);
            }
            GlobalAction::Realloc(index, new_size) if !self.blocks.is_empty() => {
                let entry = index.get_mut(&mut self.blocks);
                let (block, old) = *entry;
                // SAFETY: allocated with this layout; sizes and alignments are far from overflow.
                let start = unsafe { GLOBAL.realloc(block.start, old, new_size) };
                // SAFETY: the block is ours in its new place.
                let block = unsafe { self.oracle.replace(block, old.size(), start, new_size, old.align()) };
                *entry = (block, Layout::from_size_align(new_size, old.align()).expect("valid"));
            }
            GlobalAction::Dealloc(index) if !self.blocks.is_empty() => {
                self.dealloc(index.index(self.blocks.len()));
            }
            GlobalAction::Realloc(..) | GlobalAction::Dealloc(_) => {}
            GlobalAction::Purge => {
                Cenote::purge();
            }
            GlobalAction::Check => Cenote::check(),
        }
    }

    fn add(&mut self, start: *mut u8, layout: Layout) {
        // SAFETY: the block is ours.
        let block = unsafe { self.oracle.add(start, layout.size(), layout.align()) };
        self.blocks.push((block, layout));
    }

    fn dealloc(&mut self, index: usize) {
        let (block, layout) = self.blocks.swap_remove(index);
        self.oracle.remove(block);
        // SAFETY: allocated with this layout, and forgotten just now.
        unsafe { GLOBAL.dealloc(block.start, layout) };
    }

    fn finish(&mut self) {
        self.oracle.verify_all();
        while !self.blocks.is_empty() {
            self.dealloc(self.blocks.len() - 1);
        }
        Cenote::check();
    }
}

/// What a program does through `Allocator`. The owner is `Cenote`, or a heap by its number.
#[derive(Clone, Debug)]
enum HeapAction {
    Allocate { owner: usize, layout: Layout, zeroed: bool },
    Grow { index: Index, fit: Fit, by: usize, align: usize, zeroed: bool },
    Shrink { index: Index, fit: Fit, by: usize, align: usize },
    Deallocate { index: Index, fit: Fit },
    DropHeap { heap: usize },
    Purge,
    Check,
}

/// Which of the sizes that fit a block its user names.
#[derive(Clone, Copy, Debug)]
enum Fit {
    Requested,
    Full,
}

fn fit() -> impl Strategy<Value = Fit> {
    prop_oneof![Just(Fit::Requested), Just(Fit::Full)]
}

fn heap_action() -> impl Strategy<Value = HeapAction> {
    prop_oneof![
        10 => (0..=HEAPS, layout_or_empty(), any::<bool>()).prop_map(|(owner, layout, zeroed)| {
            HeapAction::Allocate { owner, layout, zeroed }
        }),
        3 => (any::<Index>(), fit(), size(), align(), any::<bool>()).prop_map(|(index, fit, by, align, zeroed)| {
            HeapAction::Grow { index, fit, by, align, zeroed }
        }),
        2 => (any::<Index>(), fit(), size(), align()).prop_map(|(index, fit, by, align)| {
            HeapAction::Shrink { index, fit, by, align }
        }),
        7 => (any::<Index>(), fit()).prop_map(|(index, fit)| HeapAction::Deallocate { index, fit }),
        1 => (0..HEAPS).prop_map(|heap| HeapAction::DropHeap { heap }),
        1 => Just(HeapAction::Purge),
        1 => Just(HeapAction::Check),
    ]
}

#[derive(Clone, Copy)]
struct Owned {
    block: Block,
    layout: Layout,
    owner: usize,
}

impl Owned {
    fn start(&self) -> NonNull<u8> {
        NonNull::new(self.block.start).expect("blocks are not null")
    }

    /// A layout that fits the block.
    fn fitting(&self, fit: Fit) -> Layout {
        let size = match fit {
            Fit::Requested => self.layout.size(),
            Fit::Full => self.block.len,
        };
        Layout::from_size_align(size, self.layout.align()).expect("valid")
    }
}

struct HeapMachine {
    oracle: Oracle,
    /// Boxed, so that a heap stays in its place when others are dropped.
    heaps: [Box<Heap>; HEAPS],
    blocks: Vec<Owned>,
}

impl HeapMachine {
    fn new() -> Self {
        Self { oracle: Oracle::default(), heaps: std::array::from_fn(|_| Box::new(Heap::new())), blocks: Vec::new() }
    }

    fn with<R>(&self, owner: usize, action: impl FnOnce(&dyn Allocator) -> R) -> R {
        match owner.checked_sub(1) {
            None => action(&Cenote),
            Some(heap) => action(&&*self.heaps[heap]),
        }
    }

    fn run(&mut self, action: &HeapAction) {
        match *action {
            HeapAction::Allocate { owner, layout, zeroed } => self.allocate(owner, layout, zeroed),
            HeapAction::Grow { index, fit, by, align, zeroed } if !self.blocks.is_empty() => {
                self.grow(index.index(self.blocks.len()), fit, by, align, zeroed);
            }
            HeapAction::Shrink { index, fit, by, align } if !self.blocks.is_empty() => {
                self.shrink(index.index(self.blocks.len()), fit, by, align);
            }
            HeapAction::Deallocate { index, fit } if !self.blocks.is_empty() => {
                self.deallocate(index.index(self.blocks.len()), fit);
            }
            HeapAction::Grow { .. } | HeapAction::Shrink { .. } | HeapAction::Deallocate { .. } => {}
            HeapAction::DropHeap { heap } => self.drop_heap(heap),
            HeapAction::Purge => {
                Cenote::purge();
            }
            HeapAction::Check => Cenote::check(),
        }
    }

    fn allocate(&mut self, owner: usize, layout: Layout, zeroed: bool) {
        let block = self
            .with(
                owner,
                |allocator| {
                    if zeroed { allocator.allocate_zeroed(layout) } else { allocator.allocate(layout) }
                },
            )
            .expect("there is memory");
        assert!(block.len() >= layout.size());
        let start = block.cast::<u8>().as_ptr();
        if zeroed {
            // SAFETY: the block is ours.
            unsafe { verify_zero(start, block.len()) };
        }
        // SAFETY: the block is ours.
        let block = unsafe { self.oracle.add(start, block.len(), layout.align()) };
        self.blocks.push(Owned { block, layout, owner });
    }

    fn grow(&mut self, index: usize, fit: Fit, by: usize, align: usize, zeroed: bool) {
        let owned = self.blocks[index];
        let old = owned.fitting(fit);
        let new = Layout::from_size_align(old.size() + by, align).expect("valid");
        // SAFETY: the block is live and `old` fits it; the new size is not smaller.
        let moved = self.with(owned.owner, |allocator| unsafe {
            if zeroed {
                allocator.grow_zeroed(owned.start(), old, new)
            } else {
                allocator.grow(owned.start(), old, new)
            }
        });
        if zeroed {
            let moved = moved.expect("there is memory");
            let grown = moved.len().saturating_sub(owned.block.len);
            // SAFETY: the block is ours in its new place.
            unsafe { verify_zero(moved.cast::<u8>().as_ptr().add(moved.len() - grown), grown) };
        }
        self.replace(index, old, new, moved);
    }

    fn shrink(&mut self, index: usize, fit: Fit, by: usize, align: usize) {
        let owned = self.blocks[index];
        let old = owned.fitting(fit);
        let new = Layout::from_size_align(old.size().saturating_sub(by), align).expect("valid");
        // SAFETY: the block is live and `old` fits it; the new size is not larger.
        let moved = self.with(owned.owner, |allocator| unsafe { allocator.shrink(owned.start(), old, new) });
        self.replace(index, old, new, moved);
    }

    fn replace(&mut self, index: usize, old: Layout, new: Layout, moved: Result<NonNull<[u8]>, AllocError>) {
        let moved = moved.expect("there is memory");
        assert!(moved.len() >= new.size());
        let owned = &mut self.blocks[index];
        let kept = old.size().min(new.size());
        let start = moved.cast::<u8>().as_ptr();
        // SAFETY: the block is ours in its new place.
        owned.block = unsafe { self.oracle.replace(owned.block, kept, start, moved.len(), new.align()) };
        owned.layout = new;
    }

    fn deallocate(&mut self, index: usize, fit: Fit) {
        let owned = self.blocks.swap_remove(index);
        self.oracle.remove(owned.block);
        // SAFETY: the block is live, forgotten just now, and the layout fits it.
        self.with(owned.owner, |allocator| unsafe {
            allocator.deallocate(owned.start(), owned.fitting(fit));
        });
    }

    /// A heap's blocks go with it.
    fn drop_heap(&mut self, heap: usize) {
        for owned in self.blocks.extract_if(.., |owned| owned.owner == heap + 1) {
            self.oracle.remove(owned.block);
        }
        *self.heaps[heap] = Heap::new();
    }

    fn finish(&mut self) {
        self.oracle.verify_all();
        self.drop_heap(0);
        self.oracle.verify_all();
        while !self.blocks.is_empty() {
            self.deallocate(self.blocks.len() - 1, Fit::Requested);
        }
        Cenote::check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn global_alloc_agrees_with_the_oracle(actions in vec(global_action(), 1..400)) {
        let mut machine = GlobalMachine::default();
        for action in &actions {
            machine.run(action);
        }
        machine.finish();
    }

    #[test]
    fn allocators_agree_with_the_oracle(actions in vec(heap_action(), 1..400)) {
        let mut machine = HeapMachine::new();
        for action in &actions {
            machine.run(action);
        }
        machine.finish();
    }
}
