use crate::model::{Contents, Indices, at_once, explore, explore_both};
use cenote::sync::undercut::{self, Floor, Slot, Top};
use cenote::sync::{AtomicPtr, Lock, Ordering};
use std::sync::Arc;

/// Slots above the floor.
const ROOM: usize = 5;

/// A stack of blocks, and what is in them. Block `n` is a pointer to `n + 1`.
struct Stack {
    slots: [Slot; ROOM + 1],
    top: AtomicPtr<Slot>,
    contents: [Contents; ROOM],
    lock: Lock<()>,
}

fn block(index: u32) -> *mut u8 {
    core::ptr::without_provenance_mut(index as usize + 1)
}

fn index(block: *mut u8) -> u32 {
    block.addr() as u32 - 1
}

impl Stack {
    /// With blocks 0 to `count`, the first at the bottom.
    fn with(count: u32) -> Arc<Self> {
        let stack = Arc::new(Self {
            slots: core::array::from_fn(|_| Slot::new(core::ptr::null_mut())),
            top: AtomicPtr::new(core::ptr::null_mut()),
            contents: core::array::from_fn(|_| Contents::new(0)),
            lock: Lock::new(()),
        });
        undercut::set_top(&stack.top, stack.bottom());
        (0..count).for_each(|index| stack.push(index));
        stack
    }

    fn bottom(&self) -> Top {
        self.slots.as_ptr().cast_mut().wrapping_add(1)
    }

    fn top(&self) -> Top {
        self.top.load(Ordering::Relaxed)
    }

    /// The owner frees a block, which it has written to.
    fn push(&self, index: u32) {
        self.contents[index as usize].write(index);
        // SAFETY: scenarios push no more than there is room for.
        undercut::set_top(&self.top, unsafe { undercut::push(self.top(), block(index)) });
    }

    /// The owner asks for a block, and if there is none looks again when the taker is done. It writes to what it gets.
    fn pop(&self) -> Option<u32> {
        let popped = self.pop_fast().or_else(|| {
            let _guard = self.lock.lock();
            // SAFETY: the lock is held.
            undercut::set_top(&self.top, unsafe { undercut::compact(self.bottom(), self.top()) });
            self.pop_fast()
        });
        popped.inspect(|&index| self.contents[index as usize].write(u32::MAX))
    }

    fn pop_fast(&self) -> Option<u32> {
        let top = self.top();
        // SAFETY: there is a slot below every top.
        let block = unsafe { undercut::peek(top) };
        (!block.is_null()).then(|| {
            undercut::set_top(&self.top, undercut::pop(top));
            index(block)
        })
    }

    /// The taker raises the floor below `left` blocks and takes what is below. It writes to what it gets.
    fn take(&self, left: usize) -> Vec<u32> {
        let _guard = self.lock.lock();
        let slot = self.top().wrapping_sub(left + 1);
        let mut taken = Vec::new();
        if slot < self.bottom() {
            return taken;
        }
        // SAFETY: the lock is held, and the slot is one of the stack.
        let mut floors = [unsafe { Floor::raise(&self.top, slot) }];
        undercut::settle(&mut floors);
        for floor in floors.into_iter().flatten() {
            floor.take(|block| taken.push(index(block)));
        }
        taken.iter().for_each(|&index| self.contents[index as usize].write(u32::MAX));
        taken
    }

    fn drain(&self) -> impl Iterator<Item = u32> {
        core::iter::from_fn(|| self.pop())
    }
}

/// What the owner of a stack of `count` blocks does while a taker comes `times` times and leaves `left` blocks each time. The
/// owner returns what it keeps; each block has to turn up once.
fn share(count: u32, left: usize, times: usize, work: impl Fn(&Stack) -> Vec<u32> + Send + Sync + Copy + 'static) {
    explore_both(move |swapped| {
        let stack = Stack::with(count);
        let (owned, taken_from) = (stack.clone(), stack.clone());
        let own = move || work(&owned);
        let take = move || (0..times).flat_map(|_| taken_from.take(left)).collect::<Vec<_>>();
        let (kept, taken) = at_once(swapped, own, take);
        let mut seen = Indices::default();
        seen.extend(kept);
        seen.extend(taken);
        seen.extend(stack.drain());
        assert_eq!(seen, Indices::all(count));
    });
}

/// Pops `pops` blocks, pushes `pushes` of them again, into other slots than before, and keeps the rest.
fn swing(stack: &Stack, pops: usize, pushes: usize) -> Vec<u32> {
    let mut kept: Vec<_> = (0..pops).filter_map(|_| stack.pop()).collect();
    kept.drain(..pushes.min(kept.len())).for_each(|index| stack.push(index));
    kept
}

#[test]
fn the_owner_and_a_taker_get_each_block_once() {
    share(3, 1, 1, |stack| swing(stack, 3, 0));
}

#[test]
fn an_owner_that_pops_and_pushes_keeps_what_it_passed() {
    share(3, 1, 1, |stack| swing(stack, 2, 2));
}

#[test]
fn an_owner_that_pops_deep_and_pushes_high_keeps_what_it_passed() {
    share(4, 2, 1, |stack| swing(stack, 4, 4));
}

#[test]
fn a_taker_that_comes_twice_takes_nothing_twice() {
    share(4, 1, 2, |stack| swing(stack, 2, 1));
}

#[test]
fn an_owner_that_rests_has_left_what_the_taker_leaves() {
    share(4, 2, 1, |_| Vec::new());
    explore(|| {
        let stack = Stack::with(4);
        assert_eq!(stack.take(2), [1, 0]);
        assert_eq!(stack.take(2), []);
        assert_eq!(stack.drain().collect::<Vec<_>>(), [3, 2]);
    });
}
