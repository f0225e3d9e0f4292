//! Several threads that hand blocks to each other, end while they hold some, and free some in destructors of
//! thread-locals; on the global allocator and on a heap that they share.

use crate::layouts::{Align, Budget, Size};
use crate::oracle::Oracle;
use crate::pattern;
use crate::settings::Setting;
use crate::zero::verify_zero;
use allocator_api2::alloc::Allocator;
use arbitrary::Arbitrary;
use cenote::{Cenote, Heap};
use parking_lot::Mutex;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

/// Threads at once.
const SEATS: usize = 4;
/// Actions of one seat: enough for a few ends of threads.
const MAX_ACTIONS: usize = 300;

/// What the program does, by seat.
pub type Actions = [Vec<Action>; SEATS];

/// What a thread does. Its blocks and the seats are named by numbers, modulo how many there are.
#[allow(missing_docs, reason = "named after what they do")]
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Action {
    Alloc { size: Size, align: Align, zeroed: bool, shared: bool },
    AllocMany { size: Size, count: u8 },
    Realloc { block: u8, size: Size },
    Dealloc { block: u8 },
    DeallocMany { step: u8 },
    /// Hands blocks over, the last first.
    Send { seat: u8, count: u8 },
    /// Takes over and frees.
    Receive,
    /// Leaves a block to a destructor of a thread-local.
    Bequeath { block: u8 },
    /// The thread ends, and another goes on from here.
    End,
    Purge,
    Stats,
    Yield,
    Configure(Setting),
}

/// A block, filled with the pattern of its seed.
struct Owned {
    start: NonNull<u8>,
    layout: Layout,
    seed: u64,
    shared: bool,
}

// SAFETY: a block may be used and freed by any thread, and its owner is the only one to do so.
unsafe impl Send for Owned {}

/// What the threads have in common.
struct World {
    heap: Heap,
    inboxes: [Mutex<Vec<Owned>>; SEATS],
    seeds: AtomicU64,
    budget: Mutex<Budget>,
    /// Threads to join: unlike a scope's end, that waits for the destructors of thread-locals.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

thread_local! {
    static ESTATE: RefCell<Estate> = const { RefCell::new(Estate(Vec::new())) };
}

/// Blocks of the global allocator that are freed when the thread is nearly gone.
struct Estate(Vec<Owned>);

impl Drop for Estate {
    fn drop(&mut self) {
        for owned in self.0.drain(..) {
            owned.verify();
            // SAFETY: allocated with this layout by the global allocator, and forgotten.
            unsafe { Cenote.dealloc(owned.start.as_ptr(), owned.layout) };
        }
    }
}

impl Owned {
    fn verify(&self) {
        // SAFETY: the block is ours.
        unsafe { pattern::verify(self.start.as_ptr(), self.layout.size(), self.seed) };
    }

    fn fill(&self) {
        // SAFETY: the block is ours.
        unsafe { pattern::fill(self.start.as_ptr(), self.layout.size(), self.seed) };
    }
}

impl World {
    fn new() -> Self {
        Self {
            heap: Heap::new(),
            inboxes: Default::default(),
            seeds: AtomicU64::new(1),
            budget: Mutex::new(Budget::new()),
            threads: Mutex::default(),
        }
    }

    fn admit(&self, size: Size) -> usize {
        self.budget.lock().admit(size)
    }

    fn alloc(&self, layout: Layout, zeroed: bool, shared: bool) -> Owned {
        let start = if shared {
            let heap = &self.heap;
            let block = if zeroed { heap.allocate_zeroed(layout) } else { heap.allocate(layout) };
            block.ok().map(|block| block.cast())
        } else {
            // SAFETY: no layout is empty.
            NonNull::new(unsafe { if zeroed { Cenote.alloc_zeroed(layout) } else { Cenote.alloc(layout) } })
        };
        let start = start.unwrap_or_else(|| panic!("no memory for {layout:?}"));
        assert!(start.addr().get().is_multiple_of(layout.align()), "{start:p} for {layout:?}");
        if zeroed {
            // SAFETY: the block is ours.
            unsafe { verify_zero(start.as_ptr(), layout.size()) };
        }
        // What tells blocks apart is unique; that is all.
        let seed = self.seeds.fetch_add(1, Ordering::Relaxed);
        let owned = Owned { start, layout, seed, shared };
        owned.fill();
        owned
    }

    fn dealloc(&self, owned: Owned) {
        owned.verify();
        // SAFETY: allocated with this layout by that allocator, and forgotten.
        unsafe {
            if owned.shared {
                (&self.heap).deallocate(owned.start, owned.layout);
            } else {
                Cenote.dealloc(owned.start.as_ptr(), owned.layout);
            }
        }
    }

    fn realloc(&self, owned: &mut Owned, size: usize) {
        let new = Layout::from_size_align(size, owned.layout.align()).expect("sizes and alignments are modest");
        let start = if owned.shared {
            let heap = &self.heap;
            // SAFETY: allocated with this layout by that heap; the new size is on the right side of the old.
            let block = unsafe {
                if size < owned.layout.size() {
                    heap.shrink(owned.start, owned.layout, new)
                } else {
                    heap.grow(owned.start, owned.layout, new)
                }
            };
            block.ok().map(|block| block.cast())
        } else {
            // SAFETY: allocated with this layout; the new size is valid and not zero.
            NonNull::new(unsafe { Cenote.realloc(owned.start.as_ptr(), owned.layout, size) })
        };
        let start = start.unwrap_or_else(|| panic!("no memory for {new:?}"));
        // SAFETY: the block is ours in its new place.
        unsafe { pattern::verify(start.as_ptr(), size.min(owned.layout.size()), owned.seed) };
        *owned = Owned { start, layout: new, ..*owned };
        owned.fill();
    }

    /// Starts a thread in a seat that does `actions`, starting with `blocks`.
    fn start(self: &Arc<Self>, seat: usize, actions: VecDeque<Action>, blocks: Vec<Owned>) {
        let world = Arc::clone(self);
        let thread = thread::spawn(move || world.play(seat, actions, blocks));
        self.threads.lock().push(thread);
    }

    fn play(self: Arc<Self>, seat: usize, mut actions: VecDeque<Action>, mut blocks: Vec<Owned>) {
        let pick = |number: u8, blocks: &[Owned]| usize::from(number).checked_rem(blocks.len());
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Alloc { size, align, zeroed, shared } => {
                    // A first-class heap serves no longer blocks.
                    let size = self.admit(size).min(if shared { 32 << 20 } else { usize::MAX });
                    let layout = Layout::from_size_align(size, align.0).expect("sizes and alignments are modest");
                    blocks.push(self.alloc(layout, zeroed, shared));
                }
                Action::AllocMany { size, count } => {
                    for _ in 0..count {
                        let layout = Layout::from_size_align(self.admit(size), 1).expect("sizes are modest");
                        blocks.push(self.alloc(layout, false, false));
                    }
                }
                Action::Realloc { block, size } => {
                    if let Some(index) = pick(block, &blocks) {
                        let size = self.admit(size).min(if blocks[index].shared { 32 << 20 } else { usize::MAX });
                        self.realloc(&mut blocks[index], size);
                    }
                }
                Action::Dealloc { block } => {
                    if let Some(index) = pick(block, &blocks) {
                        self.dealloc(blocks.swap_remove(index));
                    }
                }
                Action::DeallocMany { step } => {
                    for index in (0..blocks.len()).rev().step_by(usize::from(step).max(1)) {
                        self.dealloc(blocks.swap_remove(index));
                    }
                }
                Action::Send { seat, count } => {
                    let sent = blocks.split_off(blocks.len().saturating_sub(count.into()));
                    self.inboxes[usize::from(seat) % SEATS].lock().extend(sent);
                }
                Action::Receive => {
                    let received = std::mem::take(&mut *self.inboxes[seat].lock());
                    received.into_iter().for_each(|owned| self.dealloc(owned));
                }
                Action::Bequeath { block } => {
                    if let Some(index) = pick(block, &blocks)
                        && !blocks[index].shared
                    {
                        let owned = blocks.swap_remove(index);
                        ESTATE.with_borrow_mut(|estate| estate.0.push(owned));
                    }
                }
                Action::End => return self.start(seat, actions, blocks),
                Action::Purge => {
                    Cenote::purge();
                }
                Action::Stats => drop(Cenote::stats()),
                Action::Yield => thread::yield_now(),
                Action::Configure(setting) => setting.apply(),
            }
        }
        self.inboxes[seat].lock().extend(blocks);
    }
}

/// Plays the program.
pub fn run(actions: Actions) {
    Setting::reset();
    let world = Arc::new(World::new());
    for (seat, mut actions) in actions.into_iter().enumerate() {
        actions.truncate(MAX_ACTIONS);
        world.start(seat, actions.into(), Vec::new());
    }
    // Whoever goes on from an ended thread was noted by that.
    let next = || world.threads.lock().pop();
    while let Some(thread) = next() {
        thread.join().expect("no thread panics");
    }
    let inboxes = world.inboxes.iter().map(|inbox| std::mem::take(&mut *inbox.lock()));
    let left: Vec<Owned> = inboxes.flatten().collect();
    left.iter().for_each(Owned::verify);
    // Each block was checked by its pattern alone so far.
    let mut oracle = Oracle::default();
    for owned in left {
        // SAFETY: the block is ours; its pattern is not needed any more.
        let block = unsafe { oracle.add(owned.start.as_ptr(), owned.layout.size(), owned.layout.align()) };
        oracle.remove(block);
        owned.fill();
        world.dealloc(owned);
    }
    drop(world);
    Cenote::check();
}
