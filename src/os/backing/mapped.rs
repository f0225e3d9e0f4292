//! Blocks that are mappings: where no other allocator is to be had. Each starts with at least an OS page that says what to
//! unmap.

use crate::os::page_bytes;
use core::ptr::null_mut;
use core::alloc::Layout;

/// What lies right before a block.
struct Head {
    mapping: *mut u8,
    mapped_bytes: usize,
}

/// The head of `block`.
fn head_of(block: *mut u8) -> *mut Head {
    block.cast::<Head>().wrapping_sub(1)
}

/// A block that reads as zero, or null.
pub(super) fn alloc(layout: Layout) -> *mut u8 {
    let page = page_bytes();
    let skip = layout.align().max(page);
    // With an alignment above a page's, the block lies anywhere in the first `skip` bytes behind the first page.
    let slack = if skip > page { skip + page } else { page };
    let Some(bytes) = layout.size().checked_add(slack) else { return null_mut() };
    let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a fresh anonymous mapping at an address of the kernel's choice touches nothing that exists.
    let mapping = unsafe { libc::mmap(null_mut(), bytes, access, flags, -1, 0) };
    if mapping == libc::MAP_FAILED {
        return null_mut();
    }
    let mapping: *mut u8 = mapping.cast();
    let first = mapping.wrapping_add(page);
    let block = first.wrapping_add(first.align_offset(skip));
    // SAFETY: the head lies between the start of the mapping and the block, which are a page apart at least.
    unsafe { head_of(block).write(Head { mapping, mapped_bytes: bytes }) };
    block
}

/// Frees a block.
///
/// # Safety
/// It came from [`alloc`], and nobody uses it any more.
pub(super) unsafe fn free(block: *mut u8) {
    // SAFETY: the caller's: its head is there, and the mapping is its own.
    unsafe {
        let Head { mapping, mapped_bytes } = head_of(block).read();
        libc::munmap(mapping.cast(), mapped_bytes);
    }
}

/// The bytes of a block.
///
/// # Safety
/// It came from [`alloc`], and is in use.
pub(super) unsafe fn usable_size(block: *mut u8) -> usize {
    // SAFETY: the caller's: its head is there.
    let head = unsafe { head_of(block).read() };
    head.mapping.addr() + head.mapped_bytes - block.addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_zero_long_enough_and_can_be_freed() {
        for align in (0..=23).map(|shift| 1 << shift) {
            for size in [1, 4096, 5000, 1 << 20] {
                let block = alloc(Layout::from_size_align(size, align).expect("a valid layout"));
                assert!(!block.is_null() && block.addr().is_multiple_of(align));
                // SAFETY: the block is ours and has that many bytes.
                unsafe {
                    assert!(usable_size(block) >= size);
                    assert!(std::slice::from_raw_parts(block, size).iter().all(|&byte| byte == 0));
                    block.write_bytes(1, size);
                    free(block);
                }
            }
        }
    }
}
