//! [`cenote_bench::pairs`] over snmalloc.

cenote_bench::pairs_main!(snmalloc_rs::SnMalloc, snmalloc_rs::SnMalloc);
