//! A memory allocator in pure Rust: fast, frugal, and proved.
//!
//! ```
//! use cenote::Cenote;
//!
//! #[global_allocator]
//! static GLOBAL: Cenote = Cenote::new();
//!
//! fn main() {
//!     let words: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
//!     assert_eq!(words.concat().len(), 2890);
//!     println!("{}", Cenote::stats());
//! }
//! ```
//!
//! It descends from CPython's pymalloc and keeps its words:
//!
//! | word | meaning | elsewhere called |
//! |---|---|---|
//! | **block** | one slot handed to a caller | region (jemalloc), object (snmalloc) |
//! | **pool** | a run of blocks of one size class | page (mimalloc), slab (snmalloc, jemalloc), span (tcmalloc) |
//! | **slice** | the unit that pools and runs are made of | |
//! | **arena** | slices whose state one record holds, obtained from the system | segment (mimalloc v2), chunk (snmalloc); *not* jemalloc's arena |
//! | **run** | slices that are one block | extent (jemalloc), span (tcmalloc) |
//! | **heap** | one owner's pools, by size class | heap (mimalloc), allocator (snmalloc) |
//! | **magazine** | a small array of ready blocks | |
//! | **cache** | the magazines of a thread, one for each size class | tcache (jemalloc) |
//! | **depot** | full magazines in a heap | |
//! | **local / remote free** | of a block of one's own heap, of another's | |
//! | **large** | above the largest run: the system allocator's | huge |
//! | **reserve, commit, purge** | take address space; back it; give pages back | |
//! | **orphan, adopt** | a heap whose thread ended; taking it over | abandon, reclaim |
//! | **OS page** | the hardware page; never just "page" | |
//!
//! # Options
//!
//! Read from the environment when the first block is allocated, but not by set-user-id programs; see [`Options`] for those
//! that code can set.
//!
//! | variable | value |
//! |---|---|
//! | `CENOTE_RETAIN` | bytes of free memory to keep although it is idle, such as `16M`; by default a share of what is in use |
//! | `CENOTE_PURGE` | `thread` (default), `inline` or `off`: see [`PurgeMode`] |
//! | `CENOTE_PURGE_DELAY_MS` | how often the purger looks; memory idle between two looks is given back |
//! | `CENOTE_HUGE_PAGES` | `0` asks for no transparent huge pages, `1` for them from the first block on; by default a program that has grown gets them |
//! | `CENOTE_LEAN` | `1` prefers a small footprint to speed: see [`Options::lean`] |
//! | `CENOTE_STATS` | `1` prints [`Stats`] on standard error at exit |
//! | `CENOTE_VERIFY` | `1` checks every free at once instead of when a magazine is flushed; `2` also fills freed blocks and finds writes to them |
//!
//! # Misuse
//!
//! A double free, a pointer into the middle of a block, a pointer that never came from here and a layout of another size
//! class are found when the block returns to its pool, and abort the process with one line on standard error.
//!
//! # Platforms
//!
//! Linux on 64 bits, with glibc or musl. Elsewhere, under Miri, and with the feature `passthrough`, everything is handed to the system allocator.

#![cfg_attr(feature = "nightly", feature(allocator_api))]
// Where neither the system allocator nor the compiler's thread-local storage is used, nothing of `std` is: a library that is
// loaded into every program need not bring it along.
#![cfg_attr(
    all(
        not(cenote_loom),
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64"),
        not(miri),
        not(test),
        not(feature = "passthrough"),
        feature = "interpose",
        feature = "initial-exec"
    ),
    no_std
)]

// Linux on 64 bits, unless told otherwise: the one place that knows where the engine runs.
macro_rules! engine {
    ($($module:item)*) => {$(
        #[cfg(all(
            not(cenote_loom),
            target_os = "linux",
            target_pointer_width = "64",
            not(miri),
            not(feature = "passthrough")
        ))]
        $module
    )*};
}

macro_rules! passthrough {
    ($($module:item)*) => {$(
        #[cfg(all(
            not(cenote_loom),
            not(all(
                target_os = "linux",
                target_pointer_width = "64",
                not(miri),
                not(feature = "passthrough")
            ))
        ))]
        $module
    )*};
}

engine! {
    mod arena;
    mod base;
    mod heap;
    mod os;
    mod pool;
    mod sync;
    mod thread;
}

passthrough! {
    #[allow(dead_code, reason = "only the size of a table and the options are used")]
    mod base;
}

// What loom runs.
#[cfg(cenote_loom)]
pub mod arena;
#[cfg(cenote_loom)]
#[allow(dead_code, reason = "the protocols use little of it")]
mod base;
#[cfg(cenote_loom)]
pub mod sync;

#[cfg(not(cenote_loom))]
mod api;
#[cfg(not(cenote_loom))]
pub use api::{Cenote, ClassStats, Heap, Options, PurgeMode, Stats, good_size, usable_size};
engine! {
    #[cfg(feature = "raw")]
    pub use api::raw;
}
