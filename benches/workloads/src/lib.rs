//! The programs that every allocator runs.
//!
//! They allocate as any Rust program does, through `std`, and know nothing of the allocator under them: each subject links
//! this crate, compiled once, to its own `#[global_allocator]`.

pub mod block;
pub mod field;
pub mod input;
pub mod line;
pub mod mapped;
pub mod memory;
pub mod micro;
pub mod program;
pub mod rng;
pub mod tally;
pub mod team;
pub mod timeline;

use cenote_bench_protocol::{Group, WorkloadInfo};

/// What a run may depend on.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// How many threads do the work.
    pub threads: usize,
    /// Divides the work: 1 is the ordinary size.
    pub divisor: u32,
    /// Seed of all randomness.
    pub seed: u64,
}

impl Setting {
    /// `count`, at the ordinary size, made smaller as the setting asks; at least one.
    pub fn scaled(&self, count: usize) -> usize {
        (count / self.divisor as usize).max(1)
    }
}

/// The answer of a pass, the same for every allocator; or what was wrong.
pub type Outcome = Result<u64, String>;

/// One timed pass over a prepared workload, which checks its own answer. Everything that it took is given back when it
/// returns, save what the workload says it keeps.
pub type Pass = Box<dyn FnMut() -> Outcome>;

/// A program of the suite.
#[derive(Clone, Copy)]
pub struct Workload {
    /// Its name: words joined by hyphens.
    pub name: &'static str,
    /// Its kind.
    pub group: Group,
    /// What it does, in a line.
    pub about: &'static str,
    /// Whether `--quick` runs it.
    pub quick: bool,
    /// Whether it takes any number of threads; otherwise it always has `threads`.
    pub scales: bool,
    /// The threads it has when nobody asks for a number.
    pub threads: usize,
    /// Passes that are run before the timed one. Programs have none: starting cold is part of being a program.
    pub warm_up: u32,
    /// How its pass is made ready, untimed.
    pub prepare: Prepare,
}

/// How a workload comes by what it works on.
#[derive(Clone, Copy, Debug)]
pub enum Prepare {
    /// It makes that itself, with the allocator under test.
    Itself(fn(&Setting) -> Pass),
    /// It reads what another process made, so that its allocator has served nothing else before: see [`input`].
    Reading {
        /// Makes the input.
        write: fn(&Setting) -> Vec<u8>,
        /// The pass over it.
        read: fn(&Setting, &'static [u8]) -> Pass,
    },
}

impl Workload {
    /// A workload of one thread that makes what it works on itself, and has no warm-up.
    pub(crate) const fn single(
        group: Group,
        name: &'static str,
        about: &'static str,
        prepare: fn(&Setting) -> Pass,
    ) -> Self {
        let prepare = Prepare::Itself(prepare);
        Self { name, group, about, quick: false, scales: false, threads: 1, warm_up: 0, prepare }
    }

    /// Every workload, by group.
    pub fn all() -> impl Iterator<Item = &'static Workload> {
        [micro::WORKLOADS, field::WORKLOADS, program::WORKLOADS, memory::WORKLOADS].into_iter().flatten()
    }

    /// The workload called `name`.
    pub fn named(name: &str) -> Option<&'static Workload> {
        Self::all().find(|workload| workload.name == name)
    }

    /// A pass whose input, if it reads one, is what `input` returns.
    ///
    /// # Errors
    /// Those of `input`.
    pub fn pass<E>(&self, setting: &Setting, input: impl FnOnce() -> Result<&'static [u8], E>) -> Result<Pass, E> {
        Ok(match self.prepare {
            Prepare::Itself(prepare) => prepare(setting),
            Prepare::Reading { read, .. } => read(setting, input()?),
        })
    }

    /// The input that another process is to read; none where a workload makes all itself.
    pub fn input(&self, setting: &Setting) -> Vec<u8> {
        match self.prepare {
            Prepare::Itself(_) => Vec::new(),
            Prepare::Reading { write, .. } => write(setting),
        }
    }

    /// A pass whose input was made in this process, and stays for good: for tests, which time nothing.
    pub fn pass_here(&self, setting: &Setting) -> Pass {
        let Ok(pass) = self.pass(setting, || Ok::<_, std::convert::Infallible>(self.input(setting).leak()));
        pass
    }

    /// What `list` says of it.
    pub fn info(&self) -> WorkloadInfo {
        WorkloadInfo {
            name: self.name.into(),
            group: self.group,
            about: self.about.into(),
            quick: self.quick,
            scales: self.scales,
            threads: self.threads,
        }
    }
}
