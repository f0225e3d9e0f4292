//! rpmalloc, version 1.4, the newest that its crate offers.

cenote_bench_subjects::subject!(rpmalloc::RpMalloc = rpmalloc::RpMalloc);
