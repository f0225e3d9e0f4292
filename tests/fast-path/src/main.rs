//! The program whose instructions `tests/fast_path.rs` counts: pairs of an allocation and a free between two signals.

use cenote::Cenote;
use std::alloc::{Layout, alloc, dealloc};
use std::hint::black_box;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| arguments[index].parse().expect("a number");
    let iterations: usize = number(1);
    let run: &dyn Fn() = match arguments[0].as_str() {
        "box" => &|| boxes(iterations),
        "box-loop" => &|| empty_boxes(iterations),
        "alloc" => &|| pairs(iterations, number(2)),
        "alloc-loop" => &|| empty_pairs(iterations, number(2)),
        other => panic!("unknown loop `{other}`"),
    };
    run();
    mark();
    run();
    mark();
}

/// Tells the tracer.
fn mark() {
    // SAFETY: the signal goes to the tracer, which does not deliver it.
    unsafe { libc::raise(libc::SIGUSR1) };
}

#[inline(never)]
fn boxes(iterations: usize) {
    for i in 0..iterations {
        drop(black_box(Box::new(i)));
    }
}

#[inline(never)]
fn empty_boxes(iterations: usize) {
    for i in 0..iterations {
        black_box(&i);
    }
}

#[inline(never)]
fn pairs(iterations: usize, size: usize) {
    for _ in 0..iterations {
        let layout = Layout::from_size_align(black_box(size), 8).expect("a small size");
        // SAFETY: the size is not zero, and the block is freed with the layout it was allocated with.
        unsafe { dealloc(black_box(alloc(layout)), layout) };
    }
}

#[inline(never)]
fn empty_pairs(iterations: usize, size: usize) {
    for _ in 0..iterations {
        let layout = Layout::from_size_align(black_box(size), 8).expect("a small size");
        black_box(layout.size() as *mut u8);
    }
}
