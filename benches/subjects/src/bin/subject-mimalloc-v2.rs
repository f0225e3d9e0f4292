//! mimalloc, version 2, by a feature of the crate that is version 3 without it.

cenote_bench_subjects::subject!(mimalloc::MiMalloc = mimalloc::MiMalloc);
