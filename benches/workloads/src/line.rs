//! Where loops lie in memory.

/// Starts a cache line of code here, so that a short loop that follows lies in it alike in all programs that it is linked to.
///
/// Where the linker puts a function depends on what else is in the program, here on the allocator's size; a loop of a few
/// instructions that happens to cross the end of a line takes up to a third longer.
#[inline(always)]
pub fn start() {
    // SAFETY: the assembler puts instructions that do nothing here, up to a multiple of 64 bytes.
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    unsafe {
        core::arch::asm!(".p2align 6", options(nomem, nostack, preserves_flags));
    }
}
