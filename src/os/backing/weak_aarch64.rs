//! Weak references on AArch64: the linker leaves zero in the offset table for a name that nobody defines.

/// The address of the function of this name; null if there is none. Not a part of the crate's interface.
#[doc(hidden)]
#[macro_export]
macro_rules! weak_symbol {
    ($name:literal) => {{
        let address: *const core::ffi::c_void;
        // SAFETY: the slot of the offset table is readable and never changes once the library is loaded.
        unsafe {
            core::arch::asm!(
                concat!(".weak ", $name),
                concat!("adrp {0}, :got:", $name),
                concat!("ldr {0}, [{0}, :got_lo12:", $name, "]"),
                out(reg) address,
                options(pure, readonly, nostack, preserves_flags)
            );
        }
        address
    }};
}

pub(super) use weak_symbol;
