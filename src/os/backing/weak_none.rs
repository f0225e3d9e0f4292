//! Weak references where they are not known how to be made: none is defined.

/// Null. Not a part of the crate's interface.
#[doc(hidden)]
#[macro_export]
macro_rules! weak_symbol {
    ($name:literal) => {
        core::ptr::null::<core::ffi::c_void>()
    };
}

pub(super) use weak_symbol;
