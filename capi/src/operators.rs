//! C++'s replaceable `operator new` and `operator delete`, by their mangled names: `_Zn` allocates and `_Zd` frees, `w` and
//! `l` one object, `a` an array; then the types of the arguments, `m` a size, `St11align_val_t` an alignment,
//! `RKSt9nothrow_t` the tag of those that return null.
//!
//! What is done when there is no memory is C++'s: the new-handler is called as long as there is one, then `std::bad_alloc` is
//! thrown. Both belong to the C++ library, which a program may have or not.
//!
//! # Safety
//! Of all that free: the block came from an operator that this one goes with, and nobody uses it any more.

#![allow(clippy::missing_safety_doc, reason = "said once, above")]

use crate::rules;
use cenote::raw::{self, foreign};
use cenote::weak_symbol;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::transmute;
use core::ptr::null_mut;

/// The alignment that operators without one promise.
const ALIGN: usize = 16;

type Nothrow = *const c_void;

#[unsafe(no_mangle)]
pub extern "C-unwind" fn _Znwm(size: usize) -> *mut c_void {
    let block = raw::malloc_ready(size);
    if block.is_null() { new_slow(size) } else { block.cast() }
}

#[cold]
#[inline(never)]
fn new_slow(size: usize) -> *mut c_void {
    let block = raw::malloc(size);
    if block.is_null() { try_harder(size, ALIGN) } else { block.cast() }
}

#[unsafe(no_mangle)]
pub extern "C-unwind" fn _Znam(size: usize) -> *mut c_void {
    _Znwm(size)
}

#[unsafe(no_mangle)]
pub extern "C-unwind" fn _ZnwmSt11align_val_t(size: usize, align: usize) -> *mut c_void {
    let block = raw::aligned_alloc(align, size);
    if block.is_null() { try_harder(size, align) } else { block.cast() }
}

#[unsafe(no_mangle)]
pub extern "C-unwind" fn _ZnamSt11align_val_t(size: usize, align: usize) -> *mut c_void {
    _ZnwmSt11align_val_t(size, align)
}

#[unsafe(no_mangle)]
pub extern "C-unwind" fn _ZnwmRKSt9nothrow_t(size: usize, tag: Nothrow) -> *mut c_void {
    let block = raw::malloc(size);
    if block.is_null() { try_harder_without_throwing(size, tag) } else { block.cast() }
}

#[unsafe(no_mangle)]
pub extern "C-unwind" fn _ZnamRKSt9nothrow_t(size: usize, tag: Nothrow) -> *mut c_void {
    _ZnwmRKSt9nothrow_t(size, tag)
}

#[unsafe(no_mangle)]
pub extern "C-unwind" fn _ZnwmSt11align_val_tRKSt9nothrow_t(size: usize, align: usize, tag: Nothrow) -> *mut c_void {
    let block = raw::aligned_alloc(align, size);
    if block.is_null() { try_harder_aligned_without_throwing(size, align, tag) } else { block.cast() }
}

#[unsafe(no_mangle)]
pub extern "C-unwind" fn _ZnamSt11align_val_tRKSt9nothrow_t(size: usize, align: usize, tag: Nothrow) -> *mut c_void {
    _ZnwmSt11align_val_tRKSt9nothrow_t(size, align, tag)
}

/// Operators that free. Sizes and alignments are not needed, and not believed.
macro_rules! delete {
    ($($name:ident($($argument:ty),*);)*) => {$(
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(block: *mut c_void $(, _: $argument)*) {
            // SAFETY: the caller's.
            unsafe { rules::free(block) }
        }
    )*};
}

delete! {
    _ZdlPv();
    _ZdaPv();
    _ZdlPvm(usize);
    _ZdaPvm(usize);
    _ZdlPvRKSt9nothrow_t(Nothrow);
    _ZdaPvRKSt9nothrow_t(Nothrow);
    _ZdlPvSt11align_val_t(usize);
    _ZdaPvSt11align_val_t(usize);
    _ZdlPvmSt11align_val_t(usize, usize);
    _ZdaPvmSt11align_val_t(usize, usize);
    _ZdlPvSt11align_val_tRKSt9nothrow_t(usize, Nothrow);
    _ZdaPvSt11align_val_tRKSt9nothrow_t(usize, Nothrow);
}

type Handler = unsafe extern "C-unwind" fn();
type GetHandler = unsafe extern "C" fn() -> Option<Handler>;
type Throw = unsafe extern "C-unwind" fn() -> !;

/// Calls the new-handler until there is memory; without one, throws.
#[cold]
#[inline(never)]
fn try_harder(size: usize, align: usize) -> *mut c_void {
    loop {
        match new_handler() {
            // SAFETY: the program set it for this.
            Some(handler) => unsafe { handler() },
            None => throw_bad_alloc(),
        }
        let block = raw::aligned_alloc(align, size);
        if !block.is_null() {
            return block.cast();
        }
    }
}

/// What the C++ library does: it calls the operator that throws, which is the one above, and catches. Nobody could here.
#[cold]
#[inline(never)]
fn try_harder_without_throwing(size: usize, tag: Nothrow) -> *mut c_void {
    type New = unsafe extern "C" fn(usize, Nothrow) -> *mut c_void;
    // SAFETY: the function has this type.
    let next = unsafe { transmute::<*const c_void, Option<New>>(in_library(c"_ZnwmRKSt9nothrow_t")) };
    // SAFETY: no preconditions.
    next.map_or(null_mut(), |next| unsafe { next(size, tag) })
}

#[cold]
#[inline(never)]
fn try_harder_aligned_without_throwing(size: usize, align: usize, tag: Nothrow) -> *mut c_void {
    type New = unsafe extern "C" fn(usize, usize, Nothrow) -> *mut c_void;
    // SAFETY: the function has this type.
    let next = unsafe { transmute::<*const c_void, Option<New>>(in_library(c"_ZnwmSt11align_val_tRKSt9nothrow_t")) };
    // SAFETY: no preconditions but those that the caller of the operator fulfils.
    next.map_or(null_mut(), |next| unsafe { next(size, align, tag) })
}

/// `std::get_new_handler()`.
fn new_handler() -> Option<Handler> {
    let linked = weak_symbol!("_ZSt15get_new_handlerv");
    // SAFETY: the function has this type.
    let get =
        unsafe { transmute::<*const c_void, Option<GetHandler>>(linked.or_in_library(c"_ZSt15get_new_handlerv")) };
    // SAFETY: no preconditions.
    get.and_then(|get| unsafe { get() })
}

/// `std::__throw_bad_alloc()`, or the end of a program that has nobody to throw it.
fn throw_bad_alloc() -> ! {
    let linked = weak_symbol!("_ZSt17__throw_bad_allocv");
    // SAFETY: the function has this type.
    let throw = unsafe { transmute::<*const c_void, Option<Throw>>(linked.or_in_library(c"_ZSt17__throw_bad_allocv")) };
    match throw {
        // SAFETY: no preconditions.
        Some(throw) => unsafe { throw() },
        None => {
            eprintln!("cenote: operator new: no memory, and no C++ library to throw std::bad_alloc");
            std::process::abort()
        }
    }
}

trait OrInLibrary {
    /// The function itself, or else what [`in_library`] finds.
    fn or_in_library(self, name: &CStr) -> Self;
}

impl OrInLibrary for *const c_void {
    fn or_in_library(self, name: &CStr) -> Self {
        if self.is_null() { in_library(name) } else { self }
    }
}

/// The function of this name in the C++ library, wherever it is loaded: behind this library, or for somebody else alone,
/// as when an interpreter loads a module that is written in C++. Null if there is none.
fn in_library(name: &CStr) -> *const c_void {
    type Open = unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void;
    type Find = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;
    let next = foreign::next_definition(name);
    if !next.is_null() {
        return next;
    }
    let (open, find) = (weak_symbol!("dlopen"), weak_symbol!("dlsym"));
    // SAFETY: the functions have these types, and get strings. Nothing is loaded; a library that is there stays there.
    unsafe {
        let (Some(open), Some(find)) =
            (transmute::<*const c_void, Option<Open>>(open), transmute::<*const c_void, Option<Find>>(find))
        else {
            return core::ptr::null();
        };
        let library = open(c"libstdc++.so.6".as_ptr(), libc::RTLD_NOW | libc::RTLD_NOLOAD);
        if library.is_null() { core::ptr::null() } else { find(library, name.as_ptr()) }
    }
}
