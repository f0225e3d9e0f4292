//! Statistics.

use super::engine;
use crate::base::size_class::CLASSES;
use core::fmt;

/// What the allocator holds, in bytes and counts. See [`Cenote::stats`](crate::Cenote::stats).
///
/// `Display` prints a table in the spirit of CPython's `sys._debugmallocstats()`.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Stats {
    /// Bytes of blocks that the program has, each with its whole usable size; without large ones.
    pub in_use_bytes: usize,
    /// Bytes of blocks in magazines: free, and ready for their threads.
    pub cached_bytes: usize,
    /// Bytes of pools: in use, cached, free, and what no block fits in.
    pub pool_bytes: usize,
    /// Bytes of runs.
    pub run_bytes: usize,
    /// Large blocks, which are the system allocator's, and their bytes.
    pub large_blocks: usize,
    /// See [`large_blocks`](Self::large_blocks).
    pub large_bytes: usize,
    /// Bytes of free slices that the system backs with memory.
    pub dirty_bytes: usize,
    /// Bytes of arenas: accessible, not necessarily backed by memory.
    pub committed_bytes: usize,
    /// Bytes of address space reserved for arenas.
    pub reserved_bytes: usize,
    /// Bytes of free slices given back to the system so far.
    pub purged_bytes: usize,
    /// System calls made for that.
    pub purges: usize,
    /// Arenas.
    pub arenas: usize,
    /// Heaps: of threads, of ended threads, and first-class ones.
    pub heaps: usize,
    /// Magazines.
    pub magazines: usize,
    /// Blocks that were sent to the heap of another thread so far.
    pub remote_frees: usize,
    /// Blocks of pool sizes that come from the system allocator, because memory for pools was short.
    pub fallback_blocks: usize,
    /// By size class.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialize_classes"))]
    pub classes: [ClassStats; CLASSES],
}

/// The part of [`Stats`] for one size class.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ClassStats {
    /// Bytes of a block.
    pub block_bytes: usize,
    /// Pools.
    pub pools: usize,
    /// Blocks that these pools have in all.
    pub blocks: usize,
    /// Blocks that the program has.
    pub used_blocks: usize,
    /// Blocks in magazines.
    pub cached_blocks: usize,
}

#[cfg(feature = "serde")]
fn serialize_classes<S: serde::Serializer>(classes: &[ClassStats; CLASSES], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(classes)
}

impl Stats {
    pub(crate) fn now() -> Self {
        engine::stats()
    }
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            in_use_bytes: 0,
            cached_bytes: 0,
            pool_bytes: 0,
            run_bytes: 0,
            large_blocks: 0,
            large_bytes: 0,
            dirty_bytes: 0,
            committed_bytes: 0,
            reserved_bytes: 0,
            purged_bytes: 0,
            purges: 0,
            arenas: 0,
            heaps: 0,
            magazines: 0,
            remote_frees: 0,
            fallback_blocks: 0,
            classes: [ClassStats::default(); CLASSES],
        }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "class     size   pools      blocks        used      cached        free")?;
        for (class, stats) in self.classes.iter().enumerate().filter(|(_, stats)| stats.pools > 0) {
            let free = stats.blocks.saturating_sub(stats.used_blocks + stats.cached_blocks);
            writeln!(
                f,
                "{class:5} {:8} {:7} {:11} {:11} {:11} {free:11}",
                stats.block_bytes, stats.pools, stats.blocks, stats.used_blocks, stats.cached_blocks
            )?;
        }
        writeln!(f)?;
        for (what, bytes) in [
            ("bytes in use", self.in_use_bytes),
            ("bytes cached", self.cached_bytes),
            ("bytes in pools", self.pool_bytes),
            ("bytes in runs", self.run_bytes),
            ("bytes of large blocks", self.large_bytes),
            ("large blocks", self.large_blocks),
            ("bytes free and not given back", self.dirty_bytes),
            ("bytes committed", self.committed_bytes),
            ("bytes reserved", self.reserved_bytes),
            ("bytes given back so far", self.purged_bytes),
            ("calls to give them back", self.purges),
            ("arenas", self.arenas),
            ("heaps", self.heaps),
            ("magazines", self.magazines),
            ("remote frees", self.remote_frees),
            ("blocks from the system allocator", self.fallback_blocks),
        ] {
            writeln!(f, "# {what:34} = {bytes:20}")?;
        }
        Ok(())
    }
}
