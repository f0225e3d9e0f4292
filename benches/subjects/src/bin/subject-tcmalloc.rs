//! Google's tcmalloc with pages of 8 KiB, its default.

cenote_bench_subjects::subject!(tcmalloc_better::TCMalloc = tcmalloc_better::TCMalloc);
