//! How a program that went wrong still gives its report.

use cenote_bench_protocol::Report;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;

/// The first panic: later ones follow from it, as that of a thread which joins the one that panicked.
static FIRST_PANIC: OnceLock<String> = OnceLock::new();

/// From now on remembers the first panic of any thread. Where panics abort, the first one prints the report.
pub fn listen_to_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        let text = FIRST_PANIC.get_or_init(|| described(panic));
        if cfg!(panic = "abort") {
            report_and_exit(text.clone());
        }
    }));
}

/// What the first panic said.
pub fn first_panic() -> String {
    FIRST_PANIC.get().cloned().unwrap_or_else(|| "it unwound without a panic".into())
}

fn described(panic: &PanicHookInfo<'_>) -> String {
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("a panic without words");
    match panic.location() {
        Some(place) => format!("{text} ({}:{})", place.file(), place.line()),
        None => text.into(),
    }
}

/// Prints a report that says what is `wrong`, and ends the process as one that has answered.
///
/// Any lock of the standard library may be held, so it writes and exits by the system's calls.
pub fn report_and_exit(wrong: String) -> ! {
    let report = Report { wrong: Some(wrong), ..Report::default() };
    let mut line = serde_json::to_string(&report).expect("plain data");
    line.push('\n');
    let mut rest = line.as_bytes();
    while !rest.is_empty() {
        // SAFETY: the bytes are those of `rest`.
        let written = unsafe { libc::write(libc::STDOUT_FILENO, rest.as_ptr().cast(), rest.len()) };
        match usize::try_from(written) {
            Ok(written) => rest = &rest[written..],
            // Nobody listens any more, and nobody is left to be told.
            Err(_) => break,
        }
    }
    // SAFETY: ends the process without running anything of it.
    unsafe { libc::_exit(libc::EXIT_SUCCESS) }
}
