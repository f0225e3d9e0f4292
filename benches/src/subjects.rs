//! The allocators of the suite: where each comes from and what its build needs.

/// A tool that the build of an allocator calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tool {
    /// A C compiler.
    C,
    /// A C++ compiler.
    Cxx,
    /// CMake.
    Cmake,
}

/// Who sees an allocator without asking for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Part of every run.
    Usual,
    /// A simple allocator for reference; part of `--full`, otherwise on request.
    Reference,
    /// One whose build takes as long as that of all others; part of `--full`, otherwise on request.
    Heavy,
}

/// An allocator of the suite. Its program is the binary `subject-NAME` of the package `cenote-bench-subjects`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its name in arguments, tables and files.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// The crate that it comes from, whose version is reported; none for the C library's.
    pub krate: Option<&'static str>,
    /// The feature of the package of subjects that adds it, if it takes one.
    pub feature: Option<&'static str>,
    /// What its build calls beside `rustc`.
    pub needs: &'static [Tool],
    /// Whether its feature changes another peer, so that it is built by a call of cargo of its own.
    pub apart: bool,
    /// Who sees it without asking.
    pub tier: Tier,
    /// Whether valgrind can run it.
    pub valgrind: bool,
}

impl Peer {
    const fn new(name: &'static str, krate: &'static str, needs: &'static [Tool], about: &'static str) -> Self {
        Self {
            name,
            about,
            krate: Some(krate),
            feature: Some(name),
            needs,
            apart: false,
            tier: Tier::Usual,
            valgrind: true,
        }
    }

    const fn apart(self) -> Self {
        Self { apart: true, ..self }
    }

    const fn reference(self) -> Self {
        Self { tier: Tier::Reference, ..self }
    }

    const fn heavy(self) -> Self {
        Self { tier: Tier::Heavy, ..self }
    }

    const fn without_valgrind(self) -> Self {
        Self { valgrind: false, ..self }
    }

    /// The allocator called `name`.
    pub fn named(name: &str) -> Option<&'static Self> {
        PEERS.iter().find(|peer| peer.name == name)
    }

    /// The name of its program.
    pub fn program(&self) -> String {
        format!("subject-{}", self.name)
    }
}

/// Every allocator, cenote first.
///
/// ferroc is not here: it needs features of the nightly compiler.
pub const PEERS: &[Peer] = &[
    Peer::new("cenote", "cenote", &[], "this repository's"),
    Peer { krate: None, feature: None, ..Peer::new("system", "", &[], "the C library's malloc") },
    Peer::new("mimalloc", "mimalloc", &[Tool::C], "mimalloc, version 3"),
    Peer::new("mimalloc-v2", "mimalloc", &[Tool::C], "mimalloc, version 2").apart(),
    Peer::new("jemalloc", "tikv-jemallocator", &[Tool::C], "jemalloc 5, as its crate configures it"),
    // It reserves more address space than valgrind has.
    Peer::new("snmalloc", "snmalloc-rs", &[Tool::Cxx, Tool::Cmake], "snmalloc, without its checks").without_valgrind(),
    Peer::new("rpmalloc", "rpmalloc", &[Tool::C], "rpmalloc 1.4"),
    Peer::new("tcmalloc", "tcmalloc-better", &[Tool::Cxx], "Google's tcmalloc").heavy(),
    Peer::new("rusty_alloc", "rusty_alloc-api", &[], "a remake of mimalloc in Rust"),
    Peer::new("sefer-alloc", "sefer-alloc", &[], "segments, in Rust"),
    Peer::new("smmalloc", "smmalloc", &[], "slabs in one reservation, in Rust"),
    Peer::new("talc", "talc", &[], "a linked-list allocator behind a lock, in Rust").reference(),
    Peer::new("dlmalloc", "dlmalloc", &[], "a port of Doug Lea's allocator to Rust").reference(),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_cenote_is_first() {
        assert_eq!(PEERS[0].name, "cenote");
        for (i, peer) in PEERS.iter().enumerate() {
            assert!(PEERS[..i].iter().all(|other| other.name != peer.name), "{} twice", peer.name);
            assert_eq!(Peer::named(peer.name), Some(peer));
        }
        assert_eq!(Peer::named("nobody"), None);
    }
}
