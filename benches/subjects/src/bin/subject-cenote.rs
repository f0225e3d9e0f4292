//! cenote.

cenote_bench_subjects::subject!(cenote::Cenote = cenote::Cenote::new());
