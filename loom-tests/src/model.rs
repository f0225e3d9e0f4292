//! What the scenarios share.

use cenote::sync::{AtomicU64, Links, NIL};
use loom::cell::UnsafeCell;
use loom::model::Builder;
use loom::thread;

/// Runs `scenario` in all its interleavings.
pub fn explore(scenario: impl Fn() + Send + Sync + 'static) {
    check(None, scenario);
}

/// Runs `scenario` in all its interleavings that take the processor from a thread that could go on at most `preemptions`
/// times. Most errors need two or less.
pub fn explore_up_to(preemptions: usize, scenario: impl Fn() + Send + Sync + 'static) {
    check(Some(preemptions), scenario);
}

/// As [`explore`], once with each of two threads as the new one: see [`at_once`].
pub fn explore_both(scenario: impl Fn(bool) + Send + Sync + Copy + 'static) {
    explore(move || scenario(false));
    explore(move || scenario(true));
}

/// Runs `one` and `other` at once; `swapped` tells which of them is the new thread.
///
/// loom keeps one last access for each atomic. So it misses that a thread's change of an atomic that this thread has just
/// read races with an earlier read by another; it finds that race when the threads start in the other order.
pub fn at_once<A: 'static, B: 'static>(
    swapped: bool,
    one: impl FnOnce() -> A + 'static,
    other: impl FnOnce() -> B + 'static,
) -> (A, B) {
    if swapped {
        let one = thread::spawn(one);
        let other = other();
        (one.join().expect("the thread ends"), other)
    } else {
        let other = thread::spawn(other);
        let one = one();
        (one, other.join().expect("the thread ends"))
    }
}

fn check(preemptions: Option<usize>, scenario: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.max_branches = 10_000;
    builder.preemption_bound = builder.preemption_bound.or(preemptions);
    builder.check(scenario);
}

/// Plain memory that one thread writes and another reads: loom fails unless one happens before the other.
#[derive(Debug)]
pub struct Contents(UnsafeCell<u32>);

// SAFETY: loom panics on accesses that are not ordered, before they are made.
unsafe impl Sync for Contents {}

impl Contents {
    pub fn new(value: u32) -> Self {
        Self(UnsafeCell::new(value))
    }

    pub fn write(&self, value: u32) {
        // SAFETY: loom has seen that nobody else accesses the cell.
        self.0.with_mut(|place| unsafe { *place = value });
    }

    pub fn read(&self) -> u32 {
        // SAFETY: loom has seen that nobody writes to the cell.
        self.0.with(|place| unsafe { *place })
    }
}

/// `N` nodes: their links and what they carry.
#[derive(Debug)]
pub struct Nodes<const N: usize> {
    links: [AtomicU64; N],
    pub contents: [Contents; N],
}

impl<const N: usize> Nodes<N> {
    pub fn new() -> Self {
        Self {
            links: core::array::from_fn(|_| AtomicU64::new(NIL as u64)),
            contents: core::array::from_fn(|_| Contents::new(0)),
        }
    }
}

impl<const N: usize> Links for Nodes<N> {
    fn link(&self, index: u32) -> &AtomicU64 {
        &self.links[index as usize]
    }
}

/// A set of indices, to which none can be added twice.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Indices(u32);

impl Indices {
    pub fn all(count: u32) -> Self {
        Self((1 << count) - 1)
    }

    pub fn add(&mut self, index: u32) {
        assert_eq!(self.0 >> index & 1, 0, "index {index} turned up twice");
        self.0 |= 1 << index;
    }

    pub fn extend(&mut self, indices: impl IntoIterator<Item = u32>) {
        indices.into_iter().for_each(|index| self.add(index));
    }

    pub fn take(&mut self) -> Option<u32> {
        let index = (self.0 != 0).then(|| self.0.trailing_zeros())?;
        self.0 &= !(1 << index);
        Some(index)
    }
}
