//! The C library's `malloc`, with which the others are compared when a machine has nothing else.

cenote_bench_subjects::subject!(std::alloc::System = std::alloc::System);
