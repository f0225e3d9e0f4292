//! mimalloc, version 3.

cenote_bench_subjects::subject!(mimalloc::MiMalloc = mimalloc::MiMalloc);
