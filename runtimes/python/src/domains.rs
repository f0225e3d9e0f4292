//! The functions behind CPython's domains.
//!
//! All three have the same ones, and each may be called from any thread. A block that did not come from cenote goes to the
//! function that was there before: after a late install there are many, after a preload none was seen.
//!
//! # Invariants
//! 1. The context of each function of this module is the [`Before`] of its domain, which is there for good.

use crate::interpreter::{Domain, Functions, Interpreter};
use alloc::boxed::Box;
use cenote::raw;
use core::ffi::c_void;
use core::ptr;

/// The functions before ours, of one domain.
struct Before(Functions);

unsafe extern "C" fn malloc(_before: *mut c_void, size: usize) -> *mut c_void {
    raw::malloc(size).cast()
}

unsafe extern "C" fn calloc(_before: *mut c_void, count: usize, size: usize) -> *mut c_void {
    raw::calloc(count, size).cast()
}

unsafe extern "C" fn realloc(before: *mut c_void, block: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the caller's: the block is its own, or null.
    match unsafe { raw::realloc(block.cast(), size) } {
        Ok(block) => block.cast(),
        // SAFETY: invariant 1. Its size is unknown, so the block stays where it is from.
        Err(raw::Foreign) => unsafe {
            let Before(before) = &*before.cast::<Before>();
            (before.realloc)(before.context, block, size)
        },
    }
}

unsafe extern "C" fn free(before: *mut c_void, block: *mut c_void) {
    // SAFETY: the caller's: the block is its own, or null.
    if let Err(raw::Foreign) = unsafe { raw::free(block.cast()) } {
        // SAFETY: invariant 1.
        unsafe {
            let Before(before) = &*before.cast::<Before>();
            (before.free)(before.context, block);
        }
    }
}

/// Puts cenote's functions into force for all domains of `interpreter`. Once.
pub fn replace(interpreter: &Interpreter) {
    // The outermost first: pymalloc takes and frees its own memory through the raw domain.
    for domain in [Domain::Obj, Domain::Mem, Domain::Raw] {
        let before = Box::leak(Box::new(Before(interpreter.functions(domain))));
        let context = ptr::from_mut(before).cast();
        // SAFETY: blocks of the functions before are passed on to them.
        unsafe { interpreter.set_functions(domain, &Functions { context, malloc, calloc, realloc, free }) };
    }
}
