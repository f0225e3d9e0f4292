//! The allocators under test.

use crate::scenarios::{Outcome, Scenario};
use std::alloc::System;
use std::fmt;

macro_rules! subjects {
    ($($(#[doc = $doc:literal])+ $variant:ident, $name:literal $(, $type:ty = $value:expr)?;)*) => {
        /// An allocator under test.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Subject {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl Subject {
            /// Every allocator this build holds, cenote first.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The allocator's name in arguments and tables.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Runs `scenario` here with this allocator, in code instantiated for it.
            ///
            /// # Panics
            /// When the allocator has a program of its own: see [`part`](crate::part).
            pub fn run(self, scenario: Scenario) -> Outcome {
                match self {
                    $(Self::$variant => subjects!(@run scenario, $name $(, $type = $value)?),)*
                }
            }
        }
    };
    (@run $scenario:ident, $name:literal, $type:ty = $value:expr) => {{
        static ALLOCATOR: $type = $value;
        $scenario.run(&ALLOCATOR)
    }};
    (@run $scenario:ident, $name:literal) => {
        panic!(concat!($name, " has a program of its own"))
    };
}

subjects! {
    /// This repository's.
    Cenote, "cenote", cenote::Cenote = cenote::Cenote;
    /// The C library's `malloc`.
    System, "system", System = System;
    /// mimalloc, version 3.
    Mimalloc, "mimalloc", mimalloc::MiMalloc = mimalloc::MiMalloc;
    /// jemalloc, version 5.3, as its crate configures it: background threads off, decay after ten seconds.
    Jemalloc, "jemalloc", tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
    /// snmalloc, version 0.7, without its checks.
    Snmalloc, "snmalloc", snmalloc_rs::SnMalloc = snmalloc_rs::SnMalloc;
    /// rpmalloc, version 1.4, the newest its crate offers.
    Rpmalloc, "rpmalloc";
    /// rusty_alloc, pure Rust.
    RustyAlloc, "rusty_alloc", rusty_alloc_api::RustyAlloc = rusty_alloc_api::RustyAlloc;
}

impl Subject {
    /// The allocator called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|subject| subject.name() == name)
    }

    /// Whether cenote is compared with this one, rather than being it.
    pub fn is_peer(self) -> bool {
        self != Self::Cenote
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Subject {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::from_name(name).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|subject| subject.name()).collect();
            format!("this build knows {}", names.join(", "))
        })
    }
}
