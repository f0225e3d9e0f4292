//! snmalloc without its checks.

cenote_bench_subjects::subject!(snmalloc_rs::SnMalloc = snmalloc_rs::SnMalloc);
