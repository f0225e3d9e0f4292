//! CPython on cenote: one library, for the loader and for `ctypes`, for all supported versions.
//!
//! CPython takes its memory from three *domains* of functions: `raw`, `mem` and `obj`. [`domains`] has cenote's.
//! They get in by one of two routes:
//!
//! | route | when | what the functions meet |
//! |---|---|---|
//! | preload | the library is in `LD_PRELOAD`, and its constructor runs before the interpreter's first request | only cenote's blocks |
//! | late | `cenote.install()` in a running interpreter | also blocks of the functions before, which get those back |
//!
//! The library is not linked against Python. [`interpreter`] looks the symbols up, so that the loader may put it into any
//! program: in one that is no Python the constructor finds nothing and does nothing.

// As it is shipped, without unwinding, it needs no `std`, which would make a twentieth of a small interpreter's memory.
#![cfg_attr(panic = "abort", no_std)]

extern crate alloc;

mod domains;
mod interpreter;
mod report;
#[cfg(panic = "abort")]
mod runtime;

use cenote::{Cenote, Options};
use core::ffi::c_int;
use core::sync::atomic::{AtomicI32, Ordering};
use interpreter::{Interpreter, Unfit};

/// By which route cenote's functions got in.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
enum Route {
    None = 0,
    Preload = 1,
    Late = 2,
}

static ROUTE: AtomicI32 = AtomicI32::new(Route::None as c_int);

/// What `cenote_python_install` answers; `cenote/_library.py` has the messages.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
enum Installed {
    Done = 0,
    Already = 1,
    /// There is no interpreter, or not one of a supported version.
    NoInterpreter = 2,
    /// The functions in force are not those that the interpreter came with.
    NotStock = 3,
    /// The interpreter needs its own allocator: a build without the GIL.
    FreeThreaded = 4,
}

fn install(route: Route) -> Installed {
    // ORDERING: Relaxed (both): the constructor runs before there are threads, the late route under the GIL.
    if ROUTE.load(Ordering::Relaxed) != Route::None as c_int {
        return Installed::Already;
    }
    let Some(interpreter) = Interpreter::find() else { return Installed::NoInterpreter };
    // A library that is loaded late has a constructor as well, but nobody asked it.
    if route == Route::Preload && interpreter.is_initialized() {
        return Installed::NotStock;
    }
    match interpreter.check_stock() {
        Ok(()) => {}
        Err(Unfit::Replaced) => return Installed::NotStock,
        Err(Unfit::FreeThreaded) => return Installed::FreeThreaded,
    }
    // An interpreter spends little of its time here, and much memory, so it takes the small footprint unless told otherwise.
    // SAFETY: the name ends with a null byte; nobody changes the environment: see `ROUTE`.
    if unsafe { libc::getenv(c"CENOTE_LEAN".as_ptr()) }.is_null() {
        Cenote::configure(&Options::new().lean(true));
    }
    domains::replace(&interpreter);
    ROUTE.store(route as c_int, Ordering::Relaxed);
    Installed::Done
}

extern "C" fn preload() {
    // What keeps it from being done is told by `python -m cenote` before, and by `cenote.is_active()` after.
    install(Route::Preload);
}

#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = preload;

/// Puts cenote behind all three domains of the running interpreter. The caller holds the GIL. Answers an [`Installed`].
#[unsafe(no_mangle)]
pub extern "C" fn cenote_python_install() -> c_int {
    install(Route::Late) as c_int
}

/// The [`Route`] by which cenote's functions are in force; that of none if they are not, or were replaced.
#[unsafe(no_mangle)]
pub extern "C" fn cenote_python_route() -> c_int {
    // Hooks over our functions make the allocators nameless; a name means that the interpreter went back to its own.
    let undone = Interpreter::find().is_none_or(|interpreter| interpreter.names_allocators());
    // ORDERING: Relaxed: as in `install`.
    if undone { Route::None as c_int } else { ROUTE.load(Ordering::Relaxed) }
}
