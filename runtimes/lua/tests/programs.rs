//! The real Lua, on cenote, computes what it computes on the C library's memory.

use cenote::Cenote;
use cenote_lua::{Memory, State, allocate};
use core::ptr;

#[path = "../programs/mod.rs"]
mod programs;

fn run(memory: Memory, name: &str, source: &str) -> String {
    State::new(memory).expect("memory for a state").run(name, source).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn programs_compute_the_same() {
    for (name, source) in programs::ALL {
        assert_eq!(run(Memory::Cenote, name, source), run(Memory::C, name, source), "{name}");
    }
}

#[test]
fn states_of_several_threads_compute_the_same() {
    let (name, source) = programs::ALL[0];
    let expected = run(Memory::C, name, source);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(run(Memory::Cenote, name, source), expected));
        }
    });
}

#[test]
fn a_state_takes_its_memory_from_cenote() {
    let state = State::new(Memory::Cenote).expect("memory for a state");
    state.run("keep", "kept = ('x'):rep(10 << 20)").expect("a string of ten mebibytes");
    let stats = Cenote::stats();
    assert!(stats.run_bytes + stats.large_bytes + stats.pool_bytes >= 10 << 20, "{stats}");
}

#[test]
fn errors_are_lua_s_own() {
    let state = State::new(Memory::Cenote).expect("memory for a state");
    let message = state.run("broken", "error('no water')").expect_err("the program raises").to_string();
    assert_eq!(message, "broken:1: no water");
    assert!(state.run("syntax", "return return").is_err());
    assert_eq!(state.run("after", "return 1 + 1").expect("the state goes on"), "2");
}

#[test]
fn running_out_of_memory_is_an_error_and_the_state_goes_on() {
    let state = State::new(Memory::Cenote).expect("memory for a state");
    let message = state.run("huge", "return ('x'):rep(1 << 62)").expect_err("nobody has so much").to_string();
    assert!(message.contains("not enough memory") || message.contains("too large"), "{message}");
    assert_eq!(state.run("after", "return #('x'):rep(1000)").expect("the state goes on"), "1000");
}

#[test]
fn resizing_keeps_the_contents() {
    // SAFETY: sizes are passed on as Lua does; each block is written within its size.
    unsafe {
        // What Lua passes as the old size of a new block is the kind of object.
        let mut block: *mut u8 = allocate(ptr::null_mut(), ptr::null_mut(), 5, 24).cast();
        block.write_bytes(7, 24);
        let mut size = 24;
        for new_size in [100, 1000, 100_000, 10_000_000, 100, 24] {
            block = allocate(ptr::null_mut(), block.cast(), size, new_size).cast();
            assert!(!block.is_null());
            size = new_size;
            assert_eq!(core::slice::from_raw_parts(block, 24), [7; 24]);
        }
        assert!(allocate(ptr::null_mut(), block.cast(), size, usize::MAX).is_null(), "and the block stays");
        assert_eq!(*block, 7);
        assert!(allocate(ptr::null_mut(), block.cast(), size, 0).is_null());
        assert!(allocate(ptr::null_mut(), ptr::null_mut(), 0, 0).is_null());
    }
}
