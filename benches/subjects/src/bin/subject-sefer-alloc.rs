//! sefer-alloc with the features that it asks production to use.

cenote_bench_subjects::subject!(sefer_alloc::SeferAlloc = sefer_alloc::SeferAlloc::new());
