//! The C library's `malloc`, with which the others are compared when a machine has nothing else.

#[global_allocator]
static GLOBAL: std::alloc::System = std::alloc::System;

fn main() -> std::process::ExitCode {
    cenote_bench_subjects::main()
}
