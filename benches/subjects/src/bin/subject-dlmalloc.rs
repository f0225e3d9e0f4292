//! Doug Lea's allocator, ported to Rust, behind its one lock.

cenote_bench_subjects::subject!(dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc);
