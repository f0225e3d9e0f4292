//! Allocators that are wrong now and then, each in one way.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// A way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// None.
    Sane,
    /// A block is handed out again while it is live.
    Twice,
    /// A block begins in the midst of one that is live.
    Neighbour,
    /// A block has half the alignment that was asked for.
    Misaligned,
    /// The last byte of a live block is zeroed behind the program's back.
    Zeroed,
    /// `realloc` loses a byte.
    Lost,
    /// `alloc_zeroed` leaves a byte as it was.
    Dirty,
    /// There is no block.
    Null,
}

impl Fault {
    /// Every fault and its name.
    pub const ALL: [(&'static str, Self); 8] = [
        ("sane", Self::Sane),
        ("twice", Self::Twice),
        ("neighbour", Self::Neighbour),
        ("misaligned", Self::Misaligned),
        ("zeroed", Self::Zeroed),
        ("lost", Self::Lost),
        ("dirty", Self::Dirty),
        ("null", Self::Null),
    ];
}

impl Fault {
    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|&&(_, fault)| fault == self).expect("all are there").0
    }
}

/// One chance in so many is taken, so that the program gets under way.
const PERIOD: usize = 100;

/// The index of the fault in [`Fault::ALL`].
static FAULT: AtomicUsize = AtomicUsize::new(0);
/// Chances so far.
static CHANCES: AtomicUsize = AtomicUsize::new(0);
/// A live block, if one was remembered.
static VICTIM: AtomicPtr<u8> = AtomicPtr::new(null_mut());
/// Its size in bytes.
static VICTIM_BYTES: AtomicUsize = AtomicUsize::new(0);

// ORDERING: Relaxed throughout: the fault is chosen before there is another thread, and what threads do to each other's
// chances and victims only moves the moment at which things go wrong.

/// The system's allocator with the fault that was [chosen](Self::choose).
pub struct Broken;

impl Broken {
    /// From now on has the fault called `name`; tells whether there is one.
    pub fn choose(name: &str) -> bool {
        let index = Fault::ALL.iter().position(|&(known, _)| known == name);
        FAULT.store(index.unwrap_or(0), Ordering::Relaxed);
        index.is_some()
    }

    /// Whether this call is to go wrong with `fault`.
    fn now(fault: Fault) -> bool {
        Fault::ALL[FAULT.load(Ordering::Relaxed)].1 == fault
            && CHANCES.fetch_add(1, Ordering::Relaxed) % PERIOD == PERIOD - 1
    }

    /// The live block to do harm to, and its size in bytes.
    fn victim() -> Option<(*mut u8, usize)> {
        let block = VICTIM.load(Ordering::Relaxed);
        (!block.is_null()).then(|| (block, VICTIM_BYTES.load(Ordering::Relaxed)))
    }

    /// The fault of an allocation, if it is to have one: the block to be returned instead.
    fn spoilt(layout: Layout) -> Option<*mut u8> {
        if Self::now(Fault::Null) {
            return Some(null_mut());
        }
        if layout.align() > 1 && Self::now(Fault::Misaligned) {
            let larger = Layout::from_size_align(layout.size() + layout.align(), layout.align()).ok()?;
            // SAFETY: a size that is not zero.
            return Some(unsafe { System.alloc(larger) }.wrapping_add(layout.align() / 2));
        }
        let (block, bytes) = Self::victim()?;
        if Self::now(Fault::Twice) {
            return Some(block);
        }
        if Self::now(Fault::Neighbour) {
            return Some(block.wrapping_add(bytes / 2).map_addr(|address| address.next_multiple_of(layout.align())));
        }
        if Self::now(Fault::Zeroed) {
            // SAFETY: the last byte of a block that nobody freed.
            unsafe { block.add(bytes - 1).write(0) };
        }
        None
    }
}

// SAFETY: without a fault it is the system's allocator; with one it is wrong on purpose.
unsafe impl GlobalAlloc for Broken {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(block) = Self::spoilt(layout) {
            return block;
        }
        // SAFETY: the caller's promise.
        let block = unsafe { System.alloc(layout) };
        VICTIM_BYTES.store(layout.size(), Ordering::Relaxed);
        VICTIM.store(block, Ordering::Relaxed);
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let block = unsafe { System.alloc_zeroed(layout) };
        if Self::now(Fault::Dirty) {
            // SAFETY: the block has a byte.
            unsafe { block.write(1) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if VICTIM.load(Ordering::Relaxed) == block {
            VICTIM.store(null_mut(), Ordering::Relaxed);
        }
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if VICTIM.load(Ordering::Relaxed) == block {
            VICTIM.store(null_mut(), Ordering::Relaxed);
        }
        // SAFETY: the caller's promise.
        let fresh = unsafe { System.realloc(block, layout, new_size) };
        if !fresh.is_null() && Self::now(Fault::Lost) {
            // SAFETY: the first byte of the block.
            unsafe { fresh.write(!fresh.read()) };
        }
        fresh
    }
}
