//! rusty_alloc, mimalloc made again in Rust.

cenote_bench_subjects::subject!(rusty_alloc_api::RustyAlloc = rusty_alloc_api::RustyAlloc);
