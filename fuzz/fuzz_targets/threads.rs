//! libFuzzer's entry to [`cenote_fuzz::threads`].

#![no_main]

libfuzzer_sys::fuzz_target!(|actions: cenote_fuzz::threads::Actions| cenote_fuzz::threads::run(actions));
