//! jemalloc as its crate configures it: background threads off, decay after ten seconds.

cenote_bench_subjects::subject!(tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc);
