//! [`cenote_bench::pairs`] over jemalloc.

cenote_bench::pairs_main!(tikv_jemallocator::Jemalloc, tikv_jemallocator::Jemalloc);
