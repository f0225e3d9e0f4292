//! Who gives memory back.

/// Who gives idle memory back to the system.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum PurgeMode {
    /// A background thread that exists only while there is something to purge, with all signals blocked.
    #[default]
    Thread,
    /// No thread is ever started: the thread that frees purges at once, whenever much was freed. For processes that must
    /// stay single-threaded, at the price of page faults when the memory is wanted back.
    Inline,
    /// Nobody, unless [`Cenote::purge`](crate::Cenote::purge) is called.
    Off,
}
