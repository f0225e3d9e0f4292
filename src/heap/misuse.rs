//! Frees that cannot be right.

use super::outside;
use crate::base::size_class::{CLASS_MAX_BYTES, size_of};
use crate::os;
use crate::pool::{Kind, Misuse, Pool, SliceWord};

/// Frees a block with a layout of `claimed` bytes that is not in the reservation: one of the system allocator, or misuse.
///
/// # Safety
/// The block is free: nobody uses it any more.
pub(crate) unsafe fn free_outside(address: *mut u8, claimed: usize) {
    // SAFETY: the caller's.
    if !unsafe { outside::free(address) } {
        os::die(format_args!("free of {address:p} ({claimed} bytes), which cenote never handed out"));
    }
}

/// Aborts over the free of `address` with a layout of up to `claimed` bytes, which lies in a slice described by `word` that
/// does not go with that.
#[cold]
pub(crate) fn die_of(address: *mut u8, word: SliceWord, claimed: usize) -> ! {
    match word.kind() {
        Kind::Free => os::die(format_args!("double free of {address:p}, or a pointer that cenote never handed out")),
        Kind::Pool(real) => die_of_class(address, claimed, real),
        Kind::Run | Kind::RunTail if claimed > CLASS_MAX_BYTES => {
            os::die(format_args!("free of {address:p}, which is not the start of a block"))
        }
        Kind::Run | Kind::RunTail => os::die(format_args!(
            "free of {address:p} with a layout of up to {claimed} bytes, but it lies in a larger block"
        )),
    }
}

/// Does as [`die_of`] for a block of class `real`.
#[cold]
pub(super) fn die_of_class(address: *mut u8, claimed: usize, real: usize) -> ! {
    os::die(format_args!(
        "free of {address:p} with a layout of up to {claimed} bytes, but its block has {} bytes",
        size_of(real)
    ))
}

/// Aborts over `block`, which `pool`, in which it lies, does not take back.
#[cold]
pub(crate) fn die_of_put(block: *mut u8, pool: &Pool) -> ! {
    match pool.misuse_of(block) {
        Misuse::DoubleFree => os::die(format_args!("double free of {block:p}")),
        Misuse::NotABlock => os::die(format_args!("free of {block:p}, which is not the start of a block")),
    }
}
