//! Does single runs for `memory` with rpmalloc, which cannot share a process with the others.

static ALLOCATOR: rpmalloc::RpMalloc = rpmalloc::RpMalloc;

fn main() {
    cenote_bench::part::serve_with(&ALLOCATOR);
}
