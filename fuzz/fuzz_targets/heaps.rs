//! libFuzzer's entry to [`cenote_fuzz::heaps`].

#![no_main]

libfuzzer_sys::fuzz_target!(|actions: cenote_fuzz::heaps::Actions| cenote_fuzz::heaps::run(actions));
