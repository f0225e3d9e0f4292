//! Options that code can set.

use super::PurgeMode;
use super::engine::settings;
use core::time::Duration;

/// Options to put into force with [`Cenote::configure`](crate::Cenote::configure); they win over the environment.
///
/// ```
/// use cenote::{Cenote, Options, PurgeMode};
///
/// Cenote::configure(&Options::new().purge(PurgeMode::Inline).retain_bytes(16 << 20));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until `Cenote::configure` is called with them"]
pub struct Options {
    retain_bytes: Option<usize>,
    purge: Option<PurgeMode>,
    purge_delay: Option<Duration>,
    lean: Option<bool>,
    stats_at_exit: Option<bool>,
    verify: Option<u32>,
}

impl Options {
    /// No option set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keep up to this many bytes of free memory although they are idle.
    pub fn retain_bytes(mut self, bytes: usize) -> Self {
        self.retain_bytes = Some(bytes);
        self
    }

    /// Who gives idle memory back.
    pub fn purge(mut self, mode: PurgeMode) -> Self {
        self.purge = Some(mode);
        self
    }

    /// How often the purger looks; what was idle between two looks is given back. At least a millisecond, at most a minute.
    pub fn purge_delay(mut self, delay: Duration) -> Self {
        self.purge_delay = Some(delay);
        self
    }

    /// Whether to prefer a small footprint to speed: no huge pages, nothing cached of blocks above a few KiB, free memory
    /// given back as soon as other memory is needed. What is cached or backed already stays so for a while.
    pub fn lean(mut self, on: bool) -> Self {
        self.lean = Some(on);
        self
    }

    /// Whether to print the statistics on standard error when the program exits.
    pub fn stats_at_exit(mut self, on: bool) -> Self {
        self.stats_at_exit = Some(on);
        self
    }

    /// The verification level, 0 to 2: see the crate's documentation. A thread that has cached blocks already goes on using
    /// them unchecked until its magazines are exchanged. Level 2 is in force from the first block on or never, as blocks
    /// freed before are not filled: once there are blocks, higher levels count as 1 unless the environment asked for 2.
    pub fn verify(mut self, level: u32) -> Self {
        self.verify = Some(level);
        self
    }

    pub(super) fn apply(&self) {
        if let Some(bytes) = self.retain_bytes {
            settings::set_retain_bytes(Some(bytes));
        }
        if let Some(mode) = self.purge {
            settings::set_purge_mode(mode);
        }
        if let Some(delay) = self.purge_delay {
            settings::set_purge_delay(delay);
        }
        if let Some(on) = self.lean {
            settings::set_lean(on);
        }
        if let Some(on) = self.stats_at_exit {
            settings::set_stats_at_exit(on);
        }
        if let Some(level) = self.verify {
            settings::set_verify(level);
        }
    }
}
