//! libFuzzer's entry to [`cenote_fuzz::global_alloc`].

#![no_main]

libfuzzer_sys::fuzz_target!(|actions: cenote_fuzz::global_alloc::Actions| cenote_fuzz::global_alloc::run(actions));
