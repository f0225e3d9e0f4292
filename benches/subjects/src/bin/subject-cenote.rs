//! cenote.

#[global_allocator]
static GLOBAL: cenote::Cenote = cenote::Cenote::new();

fn main() -> std::process::ExitCode {
    cenote_bench_subjects::main()
}
