//! What the system says of this process.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// Threads there are now.
#[allow(dead_code, reason = "each test file is a crate, and not all of them look")]
pub fn threads() -> usize {
    fs::read_dir("/proc/self/task").expect("Linux has tasks").count()
}

/// Waits until `condition` holds: returns false if it does not within a time that is long on any machine.
#[allow(dead_code, reason = "as above")]
pub fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    const LONG: Duration = Duration::from_secs(30);
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > LONG {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Takes blocks of `size` bytes, `total` bytes of them in all, writes to each OS page, and frees them.
#[allow(dead_code, reason = "as above")]
pub fn use_and_free(size: usize, total: usize) {
    drop(use_memory(size, total));
}

/// Blocks of `size` bytes, `total` bytes of them in all.
#[allow(dead_code, reason = "as above")]
pub fn use_memory(size: usize, total: usize) -> Vec<Box<[u8]>> {
    (0..total / size).map(|n| vec![n as u8 | 1; size].into_boxed_slice()).collect()
}

/// Whether all of `bytes` are `value`.
#[allow(dead_code, reason = "as above")]
pub fn hold(bytes: &[u8], value: u8) -> bool {
    bytes.iter().take(1).all(|&first| first == value)
        && bytes[..bytes.len().saturating_sub(1)] == bytes[bytes.len().min(1)..]
}
