//! [`cenote_bench::pairs`] over the system allocator.

cenote_bench::pairs_main!(std::alloc::System, std::alloc::System);
