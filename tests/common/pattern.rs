//! Fill patterns: noise whose phase is the block's seed, so that bytes of another block, of a block that
//! was here before, or of another place in the same block are recognised.

use std::slice;

/// A prime, so that no multiple of it is a size or an alignment an allocator thinks in.
const PERIOD: usize = 8191;

/// Two periods: a slice of one period starts at any phase.
static NOISE: [u8; 2 * PERIOD] = noise();

const fn noise() -> [u8; 2 * PERIOD] {
    let mut noise = [0; 2 * PERIOD];
    let mut state = 1_u32;
    let mut i = 0;
    while i < PERIOD {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise[i] = (state >> 24) as u8;
        noise[i + PERIOD] = noise[i];
        i += 1;
    }
    noise
}

fn one_period(seed: u64) -> &'static [u8] {
    let phase = (seed % PERIOD as u64) as usize;
    &NOISE[phase..phase + PERIOD]
}

/// Fills a block.
///
/// # Safety
/// `start` is valid for writing `len` bytes.
pub unsafe fn fill(start: *mut u8, len: usize, seed: u64) {
    // SAFETY: the caller's promise; the bytes need not be initialised, for only `copy_from_slice` sees them.
    let block = unsafe { slice::from_raw_parts_mut(start, len) };
    for chunk in block.chunks_mut(PERIOD) {
        chunk.copy_from_slice(&one_period(seed)[..chunk.len()]);
    }
}

/// Panics when a block does not hold its pattern.
///
/// # Safety
/// `start` is valid for reading `len` bytes.
pub unsafe fn verify(start: *const u8, len: usize, seed: u64) {
    // SAFETY: the caller's promise.
    let block = unsafe { slice::from_raw_parts(start, len) };
    for (number, chunk) in block.chunks(PERIOD).enumerate() {
        let expected = &one_period(seed)[..chunk.len()];
        if chunk != expected {
            let place = chunk.iter().zip(expected).position(|(a, b)| a != b).expect("they differ");
            panic!(
                "the block at {start:p} of {len} bytes has changed at byte {}: {:#04x}, not {:#04x}",
                number * PERIOD + place,
                chunk[place],
                expected[place]
            );
        }
    }
}
