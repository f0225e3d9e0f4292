use crate::measure::Meter;
use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;

const VECTORS: usize = 4;
const FIRST_BYTES: usize = 16;
const LAST_BYTES: usize = 1 << 20;
const ROUNDS: u64 = 24;

/// A growing array of words; null before its first growth.
#[derive(Clone, Copy)]
struct Vector {
    start: *mut u64,
    bytes: usize,
}

/// The word that belongs at `index` in vector `id`.
fn word(id: u64, index: usize) -> u64 {
    (index as u64) << 8 ^ id
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(black_box(bytes), align_of::<u64>()).expect("a small size")
}

impl Vector {
    /// Doubles the vector and writes what was added.
    fn grow<A: GlobalAlloc>(&mut self, alloc: &A, id: u64) {
        let bytes = if self.bytes == 0 { FIRST_BYTES } else { 2 * self.bytes };
        // SAFETY: sizes are not zero; when there is an old block it came from `alloc` with the layout given.
        let start = unsafe {
            if self.bytes == 0 {
                alloc.alloc(layout(bytes))
            } else {
                alloc.realloc(self.start.cast(), layout(self.bytes), bytes)
            }
        };
        assert!(!start.is_null(), "allocation failed");
        let start = start.cast::<u64>();
        for index in self.bytes / 8..bytes / 8 {
            // SAFETY: `index` lies in the block of `bytes` bytes, aligned to words.
            unsafe { start.add(index).write(word(id, index)) };
        }
        *self = Self { start, bytes };
    }

    /// Checks the first word of every stretch that one growth wrote, and one word in 64; frees the vector.
    fn give<A: GlobalAlloc>(self, alloc: &A, id: u64) -> u64 {
        let words = self.bytes / 8;
        let steps = (0..words).step_by(64);
        for index in steps.chain((0..words.ilog2()).map(|shift| 1 << shift)) {
            // SAFETY: `index` lies in the vector, all of which `grow` wrote.
            assert_eq!(unsafe { self.start.add(index).read() }, word(id, index), "a vector lost its contents");
        }
        // SAFETY: the block came from `alloc` with this layout; it is given once.
        unsafe { alloc.dealloc(self.start.cast(), layout(self.bytes)) };
        words as u64
    }
}

/// Imitates a reader that collects columns or bytes whose number it does not know: four vectors grow in turn, so that
/// each finds its end taken by another, and every growth writes the new half.
///
/// Cannot show: vectors far above a MiB, where all depends on the kernel's `mremap`. Copying and writing the contents is
/// in the number for every allocator, and page faults are where memory went back between the rounds.
pub fn vectors<A: GlobalAlloc>(alloc: &A, meter: &mut Meter) -> u64 {
    let mut checksum = 0;
    meter.ready();
    meter.start();
    for round in 0..ROUNDS {
        let mut vectors = [Vector { start: std::ptr::null_mut(), bytes: 0 }; VECTORS];
        while vectors[0].bytes < LAST_BYTES {
            for (vector, id) in vectors.iter_mut().zip(round..) {
                vector.grow(alloc, id);
            }
        }
        for (vector, id) in vectors.into_iter().zip(round..) {
            checksum += vector.give(alloc, id);
        }
    }
    meter.stop();
    checksum
}
