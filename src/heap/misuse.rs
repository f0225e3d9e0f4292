//! Frees that cannot be right.

use super::FALLBACK_BLOCKS;
use crate::base::size_class::{CLASS_MAX_BYTES, size_of};
use crate::os;
use crate::pool::{Kind, SliceWord};
use crate::sync::Ordering;

/// Frees a block that is not in the reservation: one the system allocator helped out with, or misuse.
///
/// # Safety
/// The block is free: nobody uses it any more.
pub(crate) unsafe fn free_foreign(address: *mut u8, class: usize) {
    // ORDERING: Relaxed: whoever got such a block counted it before.
    let known = FALLBACK_BLOCKS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
    if known.is_err() {
        os::die(format_args!("free of {address:p} ({} bytes), which cenote never handed out", size_of(class)));
    }
    // SAFETY: while such blocks are about, a pointer outside the reservation is taken for one of them.
    unsafe { libc::free(address.cast()) };
}

/// Aborts over the free of `address` with a layout of up to `claimed` bytes, which lies in a slice described by `word` that
/// does not go with that.
#[cold]
pub(crate) fn die_of(address: *mut u8, word: SliceWord, claimed: usize) -> ! {
    match word.kind() {
        Kind::Free => os::die(format_args!("double free of {address:p}, or a pointer that cenote never handed out")),
        Kind::Pool(real) => os::die(format_args!(
            "free of {address:p} with a layout of up to {claimed} bytes, but its block has {} bytes",
            size_of(real)
        )),
        Kind::Run | Kind::RunTail if claimed > CLASS_MAX_BYTES => {
            os::die(format_args!("free of {address:p}, which is not the start of a block"))
        }
        Kind::Run | Kind::RunTail => os::die(format_args!(
            "free of {address:p} with a layout of up to {claimed} bytes, but it lies in a larger block"
        )),
    }
}
