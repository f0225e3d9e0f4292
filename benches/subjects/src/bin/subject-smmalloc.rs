//! smalloc, whose crate is called smmalloc.

cenote_bench_subjects::subject!(smmalloc::Smalloc = smmalloc::Smalloc::new());
