//! Programs that watch memory over time; each runs in a process of its own.
//!
//! Blocks come from the allocator under test; the arrays that remember them are mapped by hand and resident before the
//! baseline is read. The resident set is that of the process, so what is reported is what was added to it.

use crate::block::Block;
use crate::measure::{anonymous_bytes, cpu_ns, peak_rss_bytes, reset_peak_rss, rss_bytes};
use cenote_bench_workloads::mapped::MappedSlice;
use cenote_bench_workloads::rng::Rng;
use serde::{Deserialize, Serialize};
use std::alloc::GlobalAlloc;
use std::fmt;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

const MIB: usize = 1 << 20;

/// How long the program sleeps, calling no allocator, before its resident set is read.
const IDLE: Duration = Duration::from_secs(2);

/// A program and the question asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// 1 GiB of 64-byte blocks: what does the bookkeeping cost?
    Gib64,
    /// 200 MiB of many sizes, all freed: what stays in an idle program?
    FreeAll,
    /// One block in so many stays: what do the survivors pin?
    Survivors(usize),
    /// The same, but what was freed is taken again at once: what does giving memory back cost then?
    Refill(usize),
    /// 64-byte blocks of which 19 in 20 are freed at random: what is left, at best nothing can be given back.
    Random95,
    /// From 1 to 100 MiB and back ten times a second: what does giving memory back cost then?
    Oscillate,
    /// A hundred threads that took a handful of blocks each: what does a thread cost?
    ThreadCost,
    /// Two blocks: what does it cost to be there?
    Idle,
}

/// What a scenario reports.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// The most that was resident above the baseline.
    pub peak_bytes: u64,
    /// What was resident above the baseline at the end.
    pub end_bytes: u64,
    /// Bytes in use by the program: at the peak for [`Scenario::Gib64`], else at the end.
    pub live_bytes: u64,
    /// CPU time of the part the scenario asks about.
    pub cpu_ns: u64,
}

impl Scenario {
    /// Every scenario.
    pub const ALL: &[Self] = &[
        Self::Gib64,
        Self::FreeAll,
        Self::Survivors(20),
        Self::Survivors(1000),
        Self::Survivors(100_000),
        Self::Refill(20),
        Self::Refill(1000),
        Self::Refill(100_000),
        Self::Random95,
        Self::Oscillate,
        Self::ThreadCost,
        Self::Idle,
    ];

    /// What the program does, in a line.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Gib64 => "1 GiB of 64-byte blocks taken, then freed",
            Self::FreeAll => "200 MiB of 16 B to 1 KiB and some to 1 MiB, all freed, 2 s idle",
            Self::Survivors(_) => "1,000,000 blocks of 49 to 489 bytes, all but one in K freed, 2 s idle",
            Self::Refill(_) => {
                "1,000,000 blocks of 49 to 489 bytes, all but one in K freed and taken again, five times"
            }
            Self::Random95 => "256 MiB of 64-byte blocks, 95 % freed at random, 2 s idle",
            Self::Oscillate => "between 1 and 100 MiB of 1-KiB blocks, ten times a second for four seconds",
            Self::ThreadCost => "100 waiting threads that took eight small blocks each",
            Self::Idle => "a program that took two small blocks",
        }
    }

    /// Runs the scenario in this process, which must not have used `alloc` before.
    ///
    /// # Panics
    /// When the allocator fails or a block does not hold what was written into it.
    pub fn run<A: GlobalAlloc + Sync>(self, alloc: &'static A) -> Outcome {
        match self {
            Self::Gib64 => gib64(alloc),
            Self::FreeAll => free_all(alloc),
            Self::Survivors(one_in) => survivors(alloc, one_in),
            Self::Refill(one_in) => refill(alloc, one_in),
            Self::Random95 => random95(alloc),
            Self::Oscillate => oscillate(alloc),
            Self::ThreadCost => thread_cost(alloc),
            Self::Idle => idle(alloc),
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Gib64 => "gib64",
            Self::FreeAll => "freeall",
            Self::Survivors(one_in) => &format!("survivors-{one_in}"),
            Self::Refill(one_in) => &format!("refill-{one_in}"),
            Self::Random95 => "random95",
            Self::Oscillate => "oscillate",
            Self::ThreadCost => "thread-cost",
            Self::Idle => "idle",
        };
        f.pad(name)
    }
}

impl std::str::FromStr for Scenario {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().copied().find(|scenario| scenario.to_string() == name);
        found.ok_or_else(|| "`--list` names the scenarios".to_string())
    }
}

/// The resident set before the allocator was used.
struct Baseline {
    rss_bytes: u64,
    peak_bytes: u64,
}

impl Baseline {
    fn read() -> Self {
        reset_peak_rss();
        Self { rss_bytes: rss_bytes(), peak_bytes: peak_rss_bytes() }
    }

    fn outcome(&self, live_bytes: usize, cpu_ns: u64) -> Outcome {
        Outcome {
            end_bytes: rss_bytes().saturating_sub(self.rss_bytes),
            peak_bytes: peak_rss_bytes().saturating_sub(self.peak_bytes),
            live_bytes: live_bytes as u64,
            cpu_ns,
        }
    }
}

/// An array of `len` places for blocks.
fn places(len: usize) -> MappedSlice<Block> {
    MappedSlice::new(len, |_| Block::NONE)
}

/// Takes a filled block for each place; returns the bytes taken.
fn take_all<A: GlobalAlloc>(alloc: &A, places: &mut [Block], mut size: impl FnMut() -> usize) -> usize {
    let mut taken_bytes = 0;
    for (place, tag) in places.iter_mut().zip(0..) {
        let size = size();
        *place = Block::take(alloc, size, tag);
        place.fill();
        taken_bytes += size;
    }
    taken_bytes
}

/// Frees the blocks in `places` that `chosen` picks, and empties the places; returns the bytes freed.
fn free_some<A: GlobalAlloc>(alloc: &A, places: &mut [Block], mut chosen: impl FnMut() -> bool) -> usize {
    let mut freed_bytes = 0;
    for place in places.iter_mut().filter(|place| place.is_some()) {
        if chosen() {
            freed_bytes += std::mem::replace(place, Block::NONE).give_cold(alloc);
        }
    }
    freed_bytes
}

/// Imitates a large index in memory. Cannot show the time of anything but the coldest frees there are.
fn gib64<A: GlobalAlloc>(alloc: &A) -> Outcome {
    const SIZE: usize = 64;
    let mut blocks = places((1 << 30) / SIZE);
    let baseline = Baseline::read();
    let start_ns = cpu_ns();
    for (place, tag) in blocks.iter_mut().zip(0..) {
        *place = Block::take(alloc, SIZE, tag);
    }
    let live_bytes = blocks.len() * SIZE;
    free_some(alloc, &mut blocks, || true);
    let cpu_ns = cpu_ns() - start_ns;
    baseline.outcome(live_bytes, cpu_ns)
}

/// Imitates a service after its daily job. Cannot show whether memory came back early or in the last moment.
fn free_all<A: GlobalAlloc>(alloc: &A) -> Outcome {
    let mut rng = Rng::new(0xF4EE);
    let mut blocks = places(200 * MIB / 512);
    let baseline = Baseline::read();
    let mut taken_bytes = 0;
    let mut taken = 0;
    while taken_bytes < 200 * MIB {
        let size = if rng.below(2000) == 0 { rng.between(1025, MIB) } else { rng.between(16, 1024) };
        blocks[taken] = Block::take(alloc, size, taken as u32);
        blocks[taken].fill();
        taken += 1;
        taken_bytes += size;
    }
    rng.shuffle(&mut blocks[..taken]);
    let start_ns = cpu_ns();
    let freed_bytes = free_some(alloc, &mut blocks, || true);
    assert_eq!(freed_bytes, taken_bytes);
    thread::sleep(IDLE);
    let cpu_ns = cpu_ns() - start_ns;
    baseline.outcome(0, cpu_ns)
}

const OBJECTS: usize = 1_000_000;

/// The size of a small object of an interpreter.
fn object_size(rng: &mut Rng) -> usize {
    rng.between(49, 489)
}

/// Imitates an interpreter after a large task: interned strings, caches and types stay among the dead objects. Cannot
/// show survivors that were taken together, as most are; random ones are the worst case.
fn survivors<A: GlobalAlloc>(alloc: &A, one_in: usize) -> Outcome {
    let mut rng = Rng::new(0x5041);
    let mut blocks = places(OBJECTS);
    let baseline = Baseline::read();
    let taken_bytes = take_all(alloc, &mut blocks, || object_size(&mut rng));
    let start_ns = cpu_ns();
    let freed_bytes = free_some(alloc, &mut blocks, || rng.below(one_in) > 0);
    thread::sleep(IDLE);
    let outcome = baseline.outcome(taken_bytes - freed_bytes, cpu_ns() - start_ns);
    free_some(alloc, &mut blocks, || true);
    outcome
}

/// Imitates an interpreter between two tasks of the same kind. Cannot show a pause between them; the sizes come back
/// exactly.
fn refill<A: GlobalAlloc>(alloc: &A, one_in: usize) -> Outcome {
    const ROUNDS: u64 = 5;
    let mut rng = Rng::new(0x4EF1);
    let sizes = MappedSlice::new(OBJECTS, |_| object_size(&mut rng) as u16);
    let mut blocks = places(OBJECTS);
    let baseline = Baseline::read();
    let mut size = sizes.iter();
    let taken_bytes = take_all(alloc, &mut blocks, || *size.next().expect("one size per block") as usize);
    let start_ns = cpu_ns();
    for round in 0..ROUNDS as u32 {
        free_some(alloc, &mut blocks, || rng.below(one_in) > 0);
        for ((place, &size), tag) in blocks.iter_mut().zip(sizes.iter()).zip(round..) {
            if !place.is_some() {
                *place = Block::take(alloc, size as usize, tag);
            }
        }
    }
    let cpu_ns = (cpu_ns() - start_ns) / ROUNDS;
    let outcome = baseline.outcome(taken_bytes, cpu_ns);
    assert_eq!(free_some(alloc, &mut blocks, || true), taken_bytes);
    outcome
}

/// Imitates a cache of small entries after most expired. Cannot show an allocator that moves objects; hardly an OS page
/// is free of survivors, so peers differ by their bookkeeping alone.
fn random95<A: GlobalAlloc>(alloc: &A) -> Outcome {
    const SIZE: usize = 64;
    let mut rng = Rng::new(0x0095);
    let mut blocks = places(256 * MIB / SIZE);
    let baseline = Baseline::read();
    let taken_bytes = take_all(alloc, &mut blocks, || SIZE);
    let start_ns = cpu_ns();
    let freed_bytes = free_some(alloc, &mut blocks, || rng.below(20) > 0);
    thread::sleep(IDLE);
    let outcome = baseline.outcome(taken_bytes - freed_bytes, cpu_ns() - start_ns);
    free_some(alloc, &mut blocks, || true);
    outcome
}

/// Imitates a service whose requests need much memory for a moment. Cannot show another rhythm than its own: a delay
/// before purging that suits ten times a second may not suit once a second.
fn oscillate<A: GlobalAlloc>(alloc: &A) -> Outcome {
    const HIGH_BYTES: usize = 100 * MIB;
    const LOW_BYTES: usize = MIB;
    const HALF_PERIOD: Duration = Duration::from_millis(50);
    const PERIODS: u32 = 40;
    let mut rng = Rng::new(0x05C1);
    let mut blocks = places(HIGH_BYTES / 512 + 1);
    let mut live = 0;
    let mut live_bytes = 0;
    let baseline = Baseline::read();
    let start_ns = cpu_ns();
    let start = Instant::now();
    for period in 0..PERIODS {
        while live_bytes < HIGH_BYTES {
            let size = rng.between(512, 1536);
            blocks[live] = Block::take(alloc, size, live as u32);
            live += 1;
            live_bytes += size;
        }
        thread::sleep((HALF_PERIOD * (2 * period + 1)).saturating_sub(start.elapsed()));
        let mut first = 0;
        while live_bytes > LOW_BYTES {
            live_bytes -= blocks[first].give_cold(alloc);
            first += 1;
        }
        blocks.copy_within(first..live, 0);
        live -= first;
        thread::sleep((HALF_PERIOD * (2 * period + 2)).saturating_sub(start.elapsed()));
    }
    let outcome = baseline.outcome(live_bytes, cpu_ns() - start_ns);
    free_some(alloc, &mut blocks[..live], || true);
    outcome
}

/// How many threads [`thread_cost`] starts.
pub const THREADS: usize = 100;

/// Imitates a service with a pool of workers. Cannot show what a busy thread keeps. Threads, with their stacks and what
/// the system allocator holds for them, are there before the baseline is read.
fn thread_cost<A: GlobalAlloc + Sync>(alloc: &'static A) -> Outcome {
    const SIZES: [usize; 8] = [16, 24, 32, 48, 64, 128, 256, 512];
    let live_bytes = THREADS * SIZES.iter().sum::<usize>();
    // What the process as a whole needs is not a thread's cost.
    Block::take(alloc, 64, 0).give(alloc);
    let [begin, taken, end] = [(); 3].map(|()| Barrier::new(THREADS + 1));
    let work = || {
        // One pass through the barrier and one deeper call make the stack's pages resident before the baseline.
        std::hint::black_box([0_u8; 8192]);
        begin.wait();
        begin.wait();
        let blocks = SIZES.map(|size| Block::take(alloc, size, size as u32));
        taken.wait();
        end.wait();
        for block in blocks {
            block.give(alloc);
        }
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(work);
        }
        begin.wait();
        let baseline = Baseline::read();
        let start_ns = cpu_ns();
        begin.wait();
        taken.wait();
        let outcome = baseline.outcome(live_bytes, cpu_ns() - start_ns);
        end.wait();
        outcome
    })
}

/// Imitates the least program there is. Cannot show the pages of the allocator's code, which processes share; they are
/// left out here, and so is what an allocator writes before `main`.
fn idle<A: GlobalAlloc>(alloc: &A) -> Outcome {
    anonymous_bytes();
    let before_bytes = anonymous_bytes();
    let start_ns = cpu_ns();
    let blocks = [Block::take(alloc, 64, 0), Block::take(alloc, 1024, 1)];
    let cpu_ns = cpu_ns() - start_ns;
    let end_bytes = anonymous_bytes().saturating_sub(before_bytes);
    let live_bytes = blocks.map(|block| block.give(alloc)).iter().sum::<usize>() as u64;
    Outcome { peak_bytes: end_bytes, end_bytes, live_bytes, cpu_ns }
}
