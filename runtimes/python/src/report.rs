//! What `ctypes` calls: statistics and purging.

use cenote::Cenote;

/// Writes the statistics as JSON to `text`, which has room for `room` bytes, as far as they fit. Returns the bytes that all
/// of it has.
///
/// # Safety
/// `text` is valid for writes of `room` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cenote_python_stats(text: *mut u8, room: usize) -> usize {
    // Numbers can be written; and a panic's message would bring the whole machinery of formatting into the library.
    let Ok(json) = serde_json::to_vec(&Cenote::stats()) else { return 0 };
    // SAFETY: the caller's; not more than fits is written.
    unsafe { text.copy_from_nonoverlapping(json.as_ptr(), json.len().min(room)) };
    json.len()
}

/// Gives back to the system what can be given back; returns the bytes.
#[unsafe(no_mangle)]
pub extern "C" fn cenote_python_purge() -> usize {
    Cenote::purge()
}
