//! loom runs the production protocols of cenote (`sync` and `arena`, not copies of them): see `docs/concurrency.md`.
//!
//! Run it by `ci/loom.sh`. Every scenario is a sentence that holds in all its interleavings and, for atomics that are not
//! ordered, in all the stale values that a load may return. What the protocols hand from thread to thread is
//! [`Contents`](model::Contents), so an ordering too weak to hand it over is found even where nothing goes wrong by luck.

#![cfg(all(test, cenote_loom))]

mod arena;
mod heap;
mod index_stack;
mod lock;
mod mailbox;
mod model;
mod once;
mod roster;
mod signpost;
mod undercut;
mod watch;
