//! Programs made of bytes: each module has a kind of action list, and plays it through the allocator under test against
//! an oracle of addresses, alignments and contents.
//!
//! The fuzzer itself, and all that these modules keep, live in the system allocator. The allocator under test goes on
//! from input to input as it does in a long program, so a crash may need the inputs before it; every input frees
//! what it took and ends with a walk of all structures.

pub mod global_alloc;
pub mod heaps;
pub mod threads;

mod layouts;
mod settings;

// The tests' own.
#[path = "../../tests/common/oracle.rs"]
mod oracle;
#[path = "../../tests/common/pattern.rs"]
mod pattern;
#[path = "../../tests/common/zero.rs"]
mod zero;
