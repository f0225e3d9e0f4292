//! The interpreter around us: its C API, as far as it is needed, found by name.

use core::ffi::{CStr, c_char, c_int, c_ulong, c_void};
use core::mem::transmute_copy;

/// `PyMemAllocatorEx`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Functions {
    pub context: *mut c_void,
    pub malloc: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    pub calloc: unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void,
    pub realloc: unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void,
    pub free: unsafe extern "C" fn(*mut c_void, *mut c_void),
}

/// `PyMemAllocatorDomain`.
#[derive(Clone, Copy)]
#[repr(i32)]
pub enum Domain {
    Raw = 0,
    Mem = 1,
    Obj = 2,
}

/// Why an interpreter cannot be served.
pub enum Unfit {
    /// The functions in force are not those that it came with.
    Replaced,
    /// Without a GIL it walks its own allocator's memory to find objects.
    FreeThreaded,
}

/// The functions of the interpreter.
pub struct Interpreter {
    is_free_threaded: bool,
    is_initialized: unsafe extern "C" fn() -> c_int,
    get_allocator: unsafe extern "C" fn(c_int, *mut Functions),
    set_allocator: unsafe extern "C" fn(c_int, *const Functions),
    allocators_name: unsafe extern "C" fn() -> *const c_char,
}

/// The first and the last supported version, as in `PY_VERSION_HEX`.
const VERSIONS: core::ops::RangeInclusive<c_ulong> = 0x030b_0000..=0x030e_ffff;

/// The symbol `name`, which has type `T`.
///
/// # Safety
/// `T` has the size of a pointer, and is the type of that symbol's address.
unsafe fn symbol<T>(name: &CStr) -> Option<T> {
    const { assert!(size_of::<T>() == size_of::<*mut c_void>()) };
    // SAFETY: the name ends with a null byte.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    // SAFETY: the caller's.
    (!address.is_null()).then(|| unsafe { transmute_copy(&address) })
}

impl Interpreter {
    /// The interpreter in this process, if there is one of a supported version.
    pub fn find() -> Option<Self> {
        // SAFETY: the types are those of Python's headers, the same in all supported versions.
        unsafe {
            let version: *const c_ulong = symbol(c"Py_Version")?;
            if !VERSIONS.contains(&*version) {
                return None;
            }
            Some(Self {
                // What `Py_DECREF` calls in such builds alone.
                is_free_threaded: symbol::<*const c_void>(c"_Py_MergeZeroLocalRefcount").is_some(),
                is_initialized: symbol(c"Py_IsInitialized")?,
                get_allocator: symbol(c"PyMem_GetAllocator")?,
                set_allocator: symbol(c"PyMem_SetAllocator")?,
                allocators_name: symbol(c"_PyMem_GetCurrentAllocatorName")?,
            })
        }
    }

    /// Whether it has started up.
    pub fn is_initialized(&self) -> bool {
        // SAFETY: may be called at any time.
        unsafe { (self.is_initialized)() != 0 }
    }

    /// The functions of `domain` in force.
    pub fn functions(&self, domain: Domain) -> Functions {
        let mut functions = core::mem::MaybeUninit::uninit();
        // SAFETY: may be called at any time; fills them in.
        unsafe {
            (self.get_allocator)(domain as c_int, functions.as_mut_ptr());
            functions.assume_init()
        }
    }

    /// Puts `functions` into force for `domain`.
    ///
    /// # Safety
    /// They do what Python asks of such functions, also with the blocks of those before.
    pub unsafe fn set_functions(&self, domain: Domain, functions: &Functions) {
        // SAFETY: the caller's; the functions are copied.
        unsafe { (self.set_allocator)(domain as c_int, functions) };
    }

    /// The name of the allocators in force, once it has started up; none if they are not the interpreter's own, or hooks over those.
    fn name(&self) -> Option<&CStr> {
        // SAFETY: may be called at any time.
        let name = unsafe { (self.allocators_name)() };
        // SAFETY: a literal of the interpreter.
        (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) })
    }

    /// Whether the allocators in force are the interpreter's own. It has started up.
    pub fn names_allocators(&self) -> bool {
        self.name().is_some()
    }

    /// Finds out whether the functions in force can be replaced: they are those that the interpreter came with.
    ///
    /// # Errors
    /// Why not.
    pub fn check_stock(&self) -> Result<(), Unfit> {
        if self.is_free_threaded {
            return Err(Unfit::FreeThreaded);
        }
        // Before it starts up nobody can have replaced them; and 3.12 cannot tell their name then, for want of a lock.
        let is_stock = !self.is_initialized() || self.name().is_some_and(|name| name == c"pymalloc");
        is_stock.then_some(()).ok_or(Unfit::Replaced)
    }
}
