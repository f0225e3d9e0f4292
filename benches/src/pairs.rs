//! The program whose instructions `icount` counts: pairs of an allocation and a free.
//!
//! Unlike the rest of this crate it goes through the program's real `#[global_allocator]`, so that what the compiler
//! inlines into the caller is what a user gets. One tiny binary per allocator is made of it by [`pairs_main`]
//! (crate::pairs_main).

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::hint::black_box;

/// Live blocks of the same size beside the one taken and freed.
const NEIGHBOURS: usize = 200;

/// The signal that marks the beginning and the end of the loop to a tracer.
pub const MARK: libc::c_int = libc::SIGUSR1;

/// The fourth argument, which asks for marks.
pub const MARKED: &str = "marked";

/// What one step of the loop does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `drop(Box::new(T))` for a type of a size the compiler knows.
    Box,
    /// The loop of [`Box`](Self::Box) with the value left on the stack.
    BoxLoop,
    /// `alloc` and `dealloc` with a size the compiler does not know.
    Alloc,
    /// The loop of [`Alloc`](Self::Alloc) without its two calls.
    AllocLoop,
}

impl Step {
    /// Every step.
    pub const ALL: &[Self] = &[Self::Box, Self::BoxLoop, Self::Alloc, Self::AllocLoop];

    /// The step's name in arguments.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Box => "box",
            Self::BoxLoop => "box-loop",
            Self::Alloc => "alloc",
            Self::AllocLoop => "alloc-loop",
        }
    }

    /// The step that does the same without the allocator.
    pub const fn empty_loop(self) -> Self {
        match self {
            Self::Box | Self::BoxLoop => Self::BoxLoop,
            Self::Alloc | Self::AllocLoop => Self::AllocLoop,
        }
    }
}

/// Runs the steps that the program's arguments ask for: a step, a size in bytes, a number of iterations, and whether to
/// mark the loop.
///
/// # Panics
/// When the arguments are not these, or the step is a box of a size that is not there.
pub fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [step, size, iterations, marked @ ..] = arguments.as_slice() else {
        panic!("usage: STEP SIZE ITERATIONS [{MARKED}]")
    };
    let step = Step::ALL.iter().copied().find(|known| known.name() == step.as_str()).expect("an unknown step");
    let size: usize = size.parse().expect("a size in bytes");
    let iterations: u64 = iterations.parse().expect("a number of iterations");
    let neighbours: Vec<Vec<u8>> = (0..NEIGHBOURS).map(|_| Vec::with_capacity(black_box(size))).collect();
    let mark = || {
        if marked == [MARKED] {
            // SAFETY: the signal goes to the tracer, which does not deliver it.
            unsafe { libc::raise(MARK) };
        }
    };
    mark();
    match (step, size) {
        (Step::Box, 16) => boxes::<2>(iterations),
        (Step::Box, 64) => boxes::<8>(iterations),
        (Step::Box, 512) => boxes::<64>(iterations),
        (Step::BoxLoop, 16) => boxes_without_allocator::<2>(iterations),
        (Step::BoxLoop, 64) => boxes_without_allocator::<8>(iterations),
        (Step::BoxLoop, 512) => boxes_without_allocator::<64>(iterations),
        (Step::Box | Step::BoxLoop, _) => panic!("boxes have 16, 64 or 512 bytes"),
        (Step::Alloc, _) => pairs(size, iterations),
        (Step::AllocLoop, _) => pairs_without_allocator(size, iterations),
    }
    mark();
    black_box(neighbours);
}

#[inline(never)]
fn boxes<const WORDS: usize>(iterations: u64) {
    for i in 0..iterations {
        drop(black_box(Box::new([i; WORDS])));
    }
}

#[inline(never)]
fn boxes_without_allocator<const WORDS: usize>(iterations: u64) {
    for i in 0..iterations {
        black_box(&[i; WORDS]);
    }
}

/// A layout of a size the compiler does not know.
#[inline(always)]
fn opaque_layout(size: usize) -> Layout {
    // SAFETY: the alignment is a power of two, and `main` was given no size near `isize::MAX`.
    unsafe { Layout::from_size_align_unchecked(black_box(size), 8) }
}

#[inline(never)]
fn pairs(size: usize, iterations: u64) {
    assert_ne!(size, 0);
    for _ in 0..iterations {
        let layout = opaque_layout(size);
        // SAFETY: the size is not zero.
        let block = unsafe { alloc(layout) };
        if block.is_null() {
            handle_alloc_error(layout);
        }
        // SAFETY: the block was taken just now, with this size and alignment.
        unsafe { dealloc(black_box(block), opaque_layout(size)) };
    }
}

#[inline(never)]
fn pairs_without_allocator(size: usize, iterations: u64) {
    for _ in 0..iterations {
        let layout = opaque_layout(size);
        let block = std::ptr::without_provenance_mut::<u8>(layout.size());
        if block.is_null() {
            handle_alloc_error(layout);
        }
        black_box(block);
        opaque_layout(size);
    }
}

/// Makes the program of [`pairs`](crate::pairs) with an allocator as its `#[global_allocator]`.
#[macro_export]
macro_rules! pairs_main {
    ($type:ty, $value:expr) => {
        #[global_allocator]
        static GLOBAL: $type = $value;

        fn main() {
            $crate::pairs::main();
        }
    };
}
