//! [`cenote_bench::pairs`] over rusty_alloc.

cenote_bench::pairs_main!(rusty_alloc_api::RustyAlloc, rusty_alloc_api::RustyAlloc);
