//! Zeroed memory.

use std::slice;

static ZEROS: [u8; 4096] = [0; 4096];

/// Panics when a block holds anything but zeros.
///
/// # Safety
/// `start` is valid for reading `len` bytes.
pub unsafe fn verify_zero(start: *const u8, len: usize) {
    // SAFETY: the caller's promise.
    let block = unsafe { slice::from_raw_parts(start, len) };
    for (number, chunk) in block.chunks(ZEROS.len()).enumerate() {
        if chunk != &ZEROS[..chunk.len()] {
            let place = chunk.iter().position(|&byte| byte != 0).expect("they differ");
            panic!("the zeroed block at {start:p} of {len} bytes is dirty at byte {}", number * ZEROS.len() + place);
        }
    }
}
