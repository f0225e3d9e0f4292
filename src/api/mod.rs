//! The front ends: the global allocator, `Allocator` with heaps, statistics and options.

mod cenote;
mod heap;
mod options;
mod stats;

engine! {
    mod engine;
}
engine! {
    #[cfg(feature = "raw")]
    pub mod raw;
}
passthrough! {
    #[path = "passthrough.rs"]
    mod engine;
}

pub use crate::base::purge_mode::PurgeMode;
pub use cenote::{Cenote, good_size, usable_size};
pub use heap::Heap;
pub use options::Options;
pub use stats::{ClassStats, Stats};
