//! What a Rust library needs that has no `std`.

use cenote::Cenote;
use core::fmt::{self, Write};
use core::panic::PanicInfo;

/// For the statistics.
#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

/// Standard error, as far as it takes what it is given.
struct Stderr;

impl Write for Stderr {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: the bytes of `text` can be read.
        unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
        Ok(())
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(Stderr, "cenote: {info}");
    // SAFETY: no preconditions.
    unsafe { libc::abort() }
}
