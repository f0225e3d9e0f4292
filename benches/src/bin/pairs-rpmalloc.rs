//! [`cenote_bench::pairs`] over rpmalloc.

cenote_bench::pairs_main!(rpmalloc::RpMalloc, rpmalloc::RpMalloc);
