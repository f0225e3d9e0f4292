//! talc, as its documentation makes a global allocator of it: behind a spin lock, with memory from the system's.

use spinning_top::RawSpinlock;
use std::alloc::System;
use talc::TalcLock;
use talc::source::GlobalAllocSource;

cenote_bench_subjects::subject!(
    TalcLock<RawSpinlock, GlobalAllocSource<System>> = TalcLock::new(GlobalAllocSource::new(System))
);
