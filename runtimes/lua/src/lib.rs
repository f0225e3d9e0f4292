//! Lua on cenote.
//!
//! Lua asks for all of its memory through one function, and tells it the size of the block that it gives back. So every
//! request is served like one of Rust's own: the size class comes from the size, and no block is looked up.
//!
//! [`allocate`] is that function, for any program that makes Lua states itself; [`State`] is a state made with it.
//!
//! ```
//! use cenote_lua::{Memory, State};
//!
//! let state = State::new(Memory::Cenote).expect("memory for a state");
//! assert_eq!(state.run("greeting", "return ('cenote '):rep(2)").unwrap(), "cenote cenote ");
//! ```

use cenote::Cenote;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::fmt;
use core::ptr::{self, NonNull};
use mlua_sys as lua;
use std::alloc::{GlobalAlloc, Layout};
use std::ffi::CString;

/// The alignment that Lua asks of its blocks: that of its numbers and pointers.
const ALIGN: usize = align_of::<f64>();

/// `lua_Alloc`: takes, resizes and frees blocks for a Lua state.
///
/// `user_data` is not used. Any thread may call it, for any state.
///
/// # Safety
/// As Lua's manual has it: `block` is null, or came from here with `old_size` bytes and is nobody's after the call, except
/// that it stays when null is returned for a `new_size` above zero.
pub unsafe extern "C" fn allocate(
    _user_data: *mut c_void,
    block: *mut c_void,
    old_size: usize,
    new_size: usize,
) -> *mut c_void {
    // Of a block that does not exist yet, `old_size` tells the kind of object.
    let old_size = if block.is_null() { 0 } else { old_size };
    let Ok(new) = Layout::from_size_align(new_size, ALIGN) else { return ptr::null_mut() };
    let result = match (old_size, new_size) {
        (0, 0) => ptr::null_mut(),
        // SAFETY: the size is not zero.
        (0, _) => unsafe { Cenote.alloc(new) },
        _ => {
            // SAFETY: a block of that size exists, so the layout is valid.
            let old = unsafe { Layout::from_size_align_unchecked(old_size, ALIGN) };
            let block = block.cast();
            if new_size == 0 {
                // SAFETY: the block came from here with this layout.
                unsafe { Cenote.dealloc(block, old) };
                ptr::null_mut()
            } else {
                // SAFETY: likewise; the new size is not zero and was found valid above.
                unsafe { Cenote.realloc(block, old, new_size) }
            }
        }
    };
    result.cast()
}

/// Where a [`State`] takes its memory from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// cenote.
    Cenote,
    /// The C library's `realloc` and `free`, as in the `lua` program.
    C,
}

/// A Lua state with the standard libraries. It is closed when dropped.
///
/// Neither `Send` nor `Sync`: one thread uses a state.
#[derive(Debug)]
pub struct State(NonNull<lua::lua_State>);

/// Why Lua could not compile or run a program: its own message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Error {}

impl State {
    /// A new state; `None` if there is no memory for it.
    pub fn new(memory: Memory) -> Option<Self> {
        // SAFETY: `allocate` does what Lua asks of it.
        let state = Self(NonNull::new(unsafe {
            match memory {
                Memory::Cenote => lua::lua_newstate(allocate, ptr::null_mut()),
                Memory::C => lua::luaL_newstate(),
            }
        })?);
        // SAFETY: the state is ours and its stack is empty. Errors are caught by the protected call.
        let opened = unsafe {
            lua::lua_pushcfunction(state.as_ptr(), open_libraries);
            lua::lua_pcall(state.as_ptr(), 0, 0, 0)
        };
        (opened == lua::LUA_OK).then_some(state)
    }

    /// The state, for Lua's C API. It stays this one's to close.
    pub fn as_ptr(&self) -> *mut lua::lua_State {
        self.0.as_ptr()
    }

    /// Compiles `source`, calls it, and returns its first result as Lua's `tostring` shows it. `name` is what Lua's
    /// messages call it.
    ///
    /// # Errors
    /// The message of Lua, also when memory runs out.
    ///
    /// # Panics
    /// If `name` has a null byte.
    pub fn run(&self, name: &str, source: &str) -> Result<String, Error> {
        let name = CString::new(format!("={name}")).expect("a name without null bytes");
        let state = self.as_ptr();
        // SAFETY: the stack is used as Lua's manual says: the chunk or a message is pushed, the call replaces the chunk by
        // one result or a message. Text mode: precompiled code, which could be malformed, is refused.
        unsafe {
            let mut status =
                lua::luaL_loadbufferx(state, source.as_ptr().cast(), source.len(), name.as_ptr(), TEXT.as_ptr());
            if status == lua::LUA_OK {
                lua::lua_pushcfunction(state, call_and_show);
                lua::lua_rotate(state, -2, 1);
                status = lua::lua_pcall(state, 1, 1, 0);
            }
            let text = pop_string(state);
            if status == lua::LUA_OK { Ok(text) } else { Err(Error(text)) }
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // SAFETY: the state is ours, and nobody uses it any more.
        unsafe { lua::lua_close(self.as_ptr()) };
    }
}

const TEXT: &CStr = c"t";

unsafe extern "C-unwind" fn open_libraries(state: *mut lua::lua_State) -> c_int {
    // SAFETY: Lua calls with a valid state, from a protected call.
    unsafe { lua::luaL_openlibs(state) };
    0
}

/// Calls its argument and returns the string that shows the first result.
unsafe extern "C-unwind" fn call_and_show(state: *mut lua::lua_State) -> c_int {
    // SAFETY: Lua calls with a valid state and the function on its stack, from a protected call.
    unsafe {
        lua::lua_call(state, 0, 1);
        lua::luaL_tolstring(state, -1, ptr::null_mut());
    }
    1
}

/// Takes the string off the top of the stack; an error that is not a string is told as such.
///
/// # Safety
/// The state is valid and its stack not empty.
unsafe fn pop_string(state: *mut lua::lua_State) -> String {
    let mut length = 0;
    // SAFETY: a string on the stack stays until it is popped; `length` is where its length goes.
    unsafe {
        let text: *const c_char = match lua::lua_type(state, -1) {
            lua::LUA_TSTRING => lua::lua_tolstring(state, -1, &mut length),
            _ => ptr::null(),
        };
        let result = if text.is_null() {
            "an error that is no string".to_owned()
        } else {
            String::from_utf8_lossy(core::slice::from_raw_parts(text.cast(), length)).into_owned()
        };
        lua::lua_settop(state, -2);
        result
    }
}
