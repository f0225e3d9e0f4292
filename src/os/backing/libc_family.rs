//! The system allocator beneath a `malloc` that is this crate: the C library's own, by the names under which glibc keeps it
//! for those who replace `malloc`. Where it has none (another C library, or a static program), whole mappings.
//!
//! The names are weak references, so nothing is looked up at run time, and a static program links without them.

#[path = "mapped.rs"]
mod mapped;
#[cfg_attr(target_arch = "x86_64", path = "weak_x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "weak_aarch64.rs")]
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), path = "weak_none.rs")]
mod weak;

use core::ffi::{CStr, c_char, c_void};
use core::mem::transmute;
use core::ptr::null_mut;
use core::alloc::Layout;
use weak::weak_symbol;

type Malloc = unsafe extern "C" fn(usize) -> *mut c_void;
type Calloc = unsafe extern "C" fn(usize, usize) -> *mut c_void;
type Realloc = unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void;
type Memalign = unsafe extern "C" fn(usize, usize) -> *mut c_void;
type Free = unsafe extern "C" fn(*mut c_void);
type UsableSize = unsafe extern "C" fn(*mut c_void) -> usize;

/// What glibc calls `malloc` and its kin, whoever else is called so.
struct Family {
    malloc: Malloc,
    calloc: Calloc,
    realloc: Realloc,
    memalign: Memalign,
    free: Free,
}

/// The C library's family, if it has one. All of it or nothing: a block must come from whom it goes to.
#[inline]
fn family() -> Option<Family> {
    let malloc = weak_symbol!("__libc_malloc");
    let calloc = weak_symbol!("__libc_calloc");
    let realloc = weak_symbol!("__libc_realloc");
    let memalign = weak_symbol!("__libc_memalign");
    let free = weak_symbol!("__libc_free");
    // SAFETY: these are the types that glibc declares them with; a null pointer is none.
    unsafe {
        Some(Family {
            malloc: transmute::<*const c_void, Option<Malloc>>(malloc)?,
            calloc: transmute::<*const c_void, Option<Calloc>>(calloc)?,
            realloc: transmute::<*const c_void, Option<Realloc>>(realloc)?,
            memalign: transmute::<*const c_void, Option<Memalign>>(memalign)?,
            free: transmute::<*const c_void, Option<Free>>(free)?,
        })
    }
}

/// The alignment of what the family's `malloc` returns.
const MALLOC_ALIGN: usize = 16;

/// A block, or null.
pub(crate) fn alloc(layout: Layout, zeroed: bool) -> *mut u8 {
    let Some(family) = family() else { return mapped::alloc(layout) };
    // SAFETY: no preconditions; a block that is cleared has that many bytes.
    unsafe {
        if layout.align() > MALLOC_ALIGN {
            let block: *mut u8 = (family.memalign)(layout.align(), layout.size()).cast();
            if zeroed && !block.is_null() {
                block.write_bytes(0, layout.size());
            }
            block
        } else if zeroed {
            (family.calloc)(layout.size(), 1).cast()
        } else {
            (family.malloc)(layout.size()).cast()
        }
    }
}

/// Frees a block.
///
/// # Safety
/// It came from [`alloc`] or [`realloc`], and nobody uses it any more.
pub(crate) unsafe fn free(block: *mut u8) {
    // SAFETY: the caller's; whether there is a family never changes.
    unsafe {
        match family() {
            Some(family) => (family.free)(block.cast()),
            None => mapped::free(block),
        }
    }
}

/// Makes a block one of `bytes` bytes, and moves it if need be. Null if there is no memory; then nothing has changed.
///
/// # Safety
/// It came from [`alloc`] or [`realloc`] with this layout, and is the caller's.
pub(crate) unsafe fn realloc(block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
    if let Some(family) = family()
        && layout.align() <= MALLOC_ALIGN
    {
        // SAFETY: the caller's.
        return unsafe { (family.realloc)(block.cast(), bytes).cast() };
    }
    let Ok(new_layout) = Layout::from_size_align(bytes, layout.align()) else { return null_mut() };
    let new = alloc(new_layout, false);
    if !new.is_null() {
        // SAFETY: both blocks have that many bytes and are distinct; the old one is the caller's to free.
        unsafe {
            new.copy_from_nonoverlapping(block, bytes.min(layout.size()));
            free(block);
        }
    }
    new
}

/// The bytes that a block really has.
///
/// # Safety
/// As for [`free`], but the block is in use.
pub(crate) unsafe fn usable_size(block: *mut u8) -> usize {
    // SAFETY: the caller's.
    unsafe { if family().is_some() { foreign_usable_size(block) } else { mapped::usable_size(block) } }
}

/// Frees a block that did not come from this crate: the C library's, from before this `malloc` took over or from beside
/// it. Where the C library offers no way, the block stays.
///
/// # Safety
/// Nobody uses it any more.
pub(crate) unsafe fn free_foreign(block: *mut u8) {
    if let Some(family) = family() {
        // SAFETY: the caller's.
        unsafe { (family.free)(block.cast()) };
    }
}

/// Makes a block that did not come from this crate one of `bytes` bytes, as [`realloc`] does.
///
/// # Safety
/// It is the caller's.
pub(crate) unsafe fn realloc_foreign(block: *mut u8, bytes: usize) -> *mut u8 {
    // SAFETY: the caller's.
    family().map_or(null_mut(), |family| unsafe { (family.realloc)(block.cast(), bytes).cast() })
}

/// The bytes of a block that did not come from this crate; none if nobody knows.
///
/// # Safety
/// It is the caller's.
pub(crate) unsafe fn foreign_usable_size(block: *mut u8) -> usize {
    let next = next_definition(c"malloc_usable_size");
    // SAFETY: the function has this type; the block is the caller's.
    unsafe { transmute::<*const c_void, Option<UsableSize>>(next).map_or(0, |usable_size| usable_size(block.cast())) }
}

/// The function of this name that the program would have if this library defined none. Null if there is none, or the program
/// is a static one.
pub(crate) fn next_definition(name: &CStr) -> *const c_void {
    type Find = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;
    let find = weak_symbol!("dlsym");
    // SAFETY: the function has this type, and gets a string.
    unsafe {
        transmute::<*const c_void, Option<Find>>(find)
            .map_or(core::ptr::null(), |find| find(libc::RTLD_NEXT, name.as_ptr()).cast_const())
    }
}
