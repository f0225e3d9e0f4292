//! Pure code: the tunables, the size classes and the bitmap of a pool's free list. Knows nothing of threads or memory.

pub(crate) mod bits;
pub(crate) mod config;
pub(crate) mod purge_mode;
pub(crate) mod size_class;
