//! Memory is touched and freed before a run. In a process of its own, whose resident set nobody else changes.

#![cfg(target_os = "linux")]

use cenote_bench::machine::{available_memory_bytes, make_memory_real};
use std::fs;

/// A line of `/proc/self/status`, in bytes.
fn status(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.split_whitespace().find_map(|word| word.parse::<u64>().ok()).unwrap() * 1024
}

#[test]
fn memory_is_touched_and_freed() {
    const BYTES: u64 = 100 << 20;
    assert!(available_memory_bytes() > 8 * BYTES, "too little memory for this test");
    let before = status("VmRSS:");
    make_memory_real(BYTES);
    assert!(status("VmHWM:") >= before + BYTES / 8 * 7);
    assert!(status("VmRSS:") < before + BYTES / 8);
}
