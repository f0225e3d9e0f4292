//! The statistics in the forms that C programs know.

use cenote::{Cenote, Stats};
use std::ffi::CString;

/// `struct mallinfo` and `struct mallinfo2`.
#[repr(C)]
pub struct Mallinfo<N> {
    /// Bytes of arenas.
    arena: N,
    ordblks: N,
    smblks: N,
    /// Large blocks, and their bytes.
    hblks: N,
    hblkhd: N,
    usmblks: N,
    /// Bytes in caches.
    fsmblks: N,
    /// Bytes in use, and free.
    uordblks: N,
    fordblks: N,
    /// Bytes that could be given back at once.
    keepcost: N,
}

/// What glibc's fields come to here; those that have no meaning are zero.
pub fn mallinfo<N>(fit: impl Fn(usize) -> N) -> Mallinfo<N> {
    let stats = Cenote::stats();
    let free_blocks = stats.classes.iter().map(|class| class.blocks.saturating_sub(class.used_blocks)).sum::<usize>();
    Mallinfo {
        arena: fit(stats.committed_bytes),
        ordblks: fit(free_blocks),
        smblks: fit(0),
        hblks: fit(stats.large_blocks),
        hblkhd: fit(stats.large_bytes),
        usmblks: fit(0),
        fsmblks: fit(stats.cached_bytes),
        uordblks: fit(stats.in_use_bytes),
        fordblks: fit(stats.committed_bytes.saturating_sub(stats.in_use_bytes)),
        keepcost: fit(stats.dirty_bytes),
    }
}

/// Prints the statistics on standard error.
pub fn print() {
    eprint!("{}", Cenote::stats());
}

/// The statistics as a table.
pub fn text() -> CString {
    string(Cenote::stats().to_string())
}

/// The statistics as one JSON object.
pub fn json() -> CString {
    string(serde_json::to_string(&Cenote::stats()).expect("numbers can be written"))
}

/// The sums in the form of glibc's `malloc_info`.
pub fn xml() -> CString {
    let Stats { in_use_bytes, cached_bytes, committed_bytes, dirty_bytes, large_blocks, large_bytes, .. } =
        Cenote::stats();
    string(format!(
        "<malloc version=\"cenote\">\n\
         <total type=\"used\" size=\"{in_use_bytes}\"/>\n\
         <total type=\"cached\" size=\"{cached_bytes}\"/>\n\
         <total type=\"rest\" size=\"{dirty_bytes}\"/>\n\
         <total type=\"mmap\" count=\"{large_blocks}\" size=\"{large_bytes}\"/>\n\
         <system type=\"current\" size=\"{committed_bytes}\"/>\n\
         </malloc>\n"
    ))
}

fn string(text: String) -> CString {
    CString::new(text).expect("no report holds a zero")
}
