//! What the process holds of the machine's memory.

use std::fs;

/// The resident set of this process, in bytes.
pub fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").expect("Linux has statm");
    let pages: usize = statm.split(' ').nth(1).and_then(|field| field.parse().ok()).expect("a number");
    // SAFETY: no precondition.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize
}
