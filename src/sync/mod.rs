//! The only switch between the real atomics and loom's, and every protocol with an ordering stronger than Relaxed.
//!
//! The protocols take their memory from their callers, so that loom runs them as they are; see `docs/concurrency.md`.

mod index_stack;
mod lock;
mod mailbox;
mod once;
mod roster;
mod signpost;
pub mod undercut;
mod watch;

#[cfg(not(cenote_loom))]
#[path = "native.rs"]
mod imp;
#[cfg(cenote_loom)]
#[path = "model.rs"]
mod imp;

pub use imp::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
pub use index_stack::IndexStack;
pub use lock::{Guard, Lock};
pub use mailbox::Mailbox;
pub use once::Once;
pub use roster::Roster;
pub use signpost::Signpost;
pub use watch::Watch;

/// No index: the end of an index-linked list.
pub const NIL: u32 = u32::MAX;

/// Where the links of index-linked nodes lie. The low half of a link is the next index; the high half is the user's.
pub trait Links {
    /// The link of node `index`.
    fn link(&self, index: u32) -> &AtomicU64;
}

/// The next index of a link word.
pub fn next_of(link: u64) -> u32 {
    link as u32
}

/// `link` with its next index replaced.
pub fn with_next(link: u64, next: u32) -> u64 {
    link & !(u32::MAX as u64) | next as u64
}
