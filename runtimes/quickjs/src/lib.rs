//! QuickJS on cenote: [`Memory`] is an allocator for rquickjs.
//!
//! QuickJS frees blocks without their sizes, and asks for the usable size of many; both come from the block's address.
//!
//! ```
//! use rquickjs::{Context, Runtime};
//!
//! let runtime = Runtime::new_with_alloc(cenote_quickjs::Memory)?;
//! let sum: i32 = Context::full(&runtime)?.with(|context| context.eval("[1, 2, 3].reduce((a, b) => a + b)"))?;
//! assert_eq!(sum, 6);
//! # Ok::<(), rquickjs::Error>(())
//! ```

use cenote::raw;
use rquickjs::allocator::Allocator;

/// cenote, for `Runtime::new_with_alloc`. It has no state: all runtimes may use it, on any thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory;

const OURS: &str = "QuickJS frees and resizes only what it got from its allocator";

// SAFETY: blocks have the bytes asked for or are null, are aligned to eight bytes or more, and `usable_size` tells what they
// really have.
unsafe impl Allocator for Memory {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        raw::malloc(size)
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        raw::calloc(count, size)
    }

    unsafe fn dealloc(&mut self, block: *mut u8) {
        // SAFETY: the caller's: the block came from here, and nobody uses it any more.
        unsafe { raw::free(block) }.expect(OURS);
    }

    unsafe fn realloc(&mut self, block: *mut u8, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's: the block came from here, or is null.
        unsafe { raw::realloc(block, new_size) }.expect(OURS)
    }

    unsafe fn usable_size(block: *mut u8) -> usize {
        raw::usable_size(block).expect(OURS)
    }
}
