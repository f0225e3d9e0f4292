//! Options that change while blocks live.

use arbitrary::Arbitrary;
use cenote::{Cenote, Options, PurgeMode};
use std::time::Duration;

/// A change of options.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Setting {
    Mode(Mode),
    RetainKib(u16),
    /// Whether every free is checked at once.
    Verify(bool),
    /// Whether a small footprint is preferred to speed.
    Lean(bool),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Mode {
    Thread,
    Inline,
    Off,
}

impl Setting {
    pub fn apply(self) {
        let options = Options::new().purge_delay(Duration::from_millis(1));
        Cenote::configure(&match self {
            Self::Mode(Mode::Thread) => options.purge(PurgeMode::Thread),
            Self::Mode(Mode::Inline) => options.purge(PurgeMode::Inline),
            Self::Mode(Mode::Off) => options.purge(PurgeMode::Off),
            Self::RetainKib(kib) => options.retain_bytes(usize::from(kib) << 10),
            Self::Verify(on) => options.verify(on.into()),
            Self::Lean(on) => options.lean(on),
        });
    }

    /// What every input starts from.
    pub fn reset() {
        let options = Options::new().purge(PurgeMode::Thread).retain_bytes(1 << 20).verify(0).lean(false);
        Cenote::configure(&options.purge_delay(Duration::from_millis(1)));
    }
}
