//! [`cenote_bench::pairs`] over mimalloc.

cenote_bench::pairs_main!(mimalloc::MiMalloc, mimalloc::MiMalloc);
