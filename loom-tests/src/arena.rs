//! Arenas over a fake reservation whose slices are [`Contents`]: 0 if they read as zero.

use crate::model::{Contents, explore};
use cenote::arena::{Arenas, Backing, CleanMask, Filling, Free, Record};
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use loom::thread;
use std::sync::Arc;

const ARENA_SLICES: u32 = 16;
const HUGE_ARENAS: u32 = 8;

struct Memory {
    /// Zeroed records, as fresh memory from the system is.
    records: Box<[UnsafeCell<MaybeUninit<Record>>]>,
    empty_word: UnsafeCell<u64>,
    /// The arenas granted; the arenas' lock orders the accesses.
    granted: Contents,
    slices: Box<[Contents]>,
    /// 1 for chunks that asked for huge pages.
    huge: Box<[Contents]>,
    purges: bool,
}

// SAFETY: records and words are touched under the arenas' lock alone, and loom checks that lock by `granted`.
unsafe impl Sync for Memory {}
// SAFETY: as above.
unsafe impl Send for Memory {}

impl Memory {
    fn new(limit: u32, purges: bool) -> Self {
        Self {
            records: (0..limit).map(|_| UnsafeCell::new(MaybeUninit::zeroed())).collect(),
            empty_word: UnsafeCell::new(0),
            granted: Contents::new(0),
            slices: (0..limit * ARENA_SLICES).map(|_| Contents::new(0)).collect(),
            huge: (0..limit.div_ceil(HUGE_ARENAS)).map(|_| Contents::new(0)).collect(),
            purges,
        }
    }
}

#[derive(Clone)]
struct Shared(Arc<Memory>);

// SAFETY: the places are distinct and zero at first; `commit` grants what is there, `purge` clears it.
unsafe impl Backing for Shared {
    fn record(&self, arena: u32) -> *mut Record {
        assert!(arena < self.0.granted.read());
        self.0.records[arena as usize].get().cast()
    }

    fn empty_word(&self, index: u32) -> *mut u64 {
        assert_eq!(index, 0);
        self.0.empty_word.get()
    }

    fn commit(&self, arenas: u32) -> bool {
        assert!(arenas > self.0.granted.read(), "arenas are granted once");
        self.0.granted.write(arenas);
        true
    }

    fn limit(&self) -> u32 {
        self.0.records.len() as u32
    }

    fn purge(&self, first: u32, count: u32) -> bool {
        if self.0.purges {
            for slice in first..first + count {
                self.0.slices[slice as usize].write(0);
                self.0.huge[(slice / ARENA_SLICES / HUGE_ARENAS) as usize].write(0);
            }
        }
        self.0.purges
    }

    fn ask_huge(&self, arena: u32) {
        let huge = &self.0.huge[(arena / HUGE_ARENAS) as usize];
        assert_eq!(huge.read(), 0, "a chunk asks once");
        huge.write(1);
        for slice in arena * ARENA_SLICES..(arena + HUGE_ARENAS) * ARENA_SLICES {
            assert_eq!(self.0.slices[slice as usize].read(), 0, "a chunk asks while nothing of it is backed");
        }
    }

    fn owners(&self) -> u32 {
        1
    }

    fn purge_unit(&self) -> u32 {
        1
    }
}

struct World {
    arenas: Arenas<Shared>,
    memory: Shared,
}

impl World {
    /// With room for `limit` arenas, none of them made yet.
    fn new(limit: u32, purges: bool) -> Self {
        let memory = Shared(Arc::new(Memory::new(limit, purges)));
        Self { arenas: Arenas::new(memory.clone()), memory }
    }

    /// One arena with the first `dirty` slices free and dirty, and the others in use.
    fn with_dirty(dirty: u32, purges: bool) -> Arc<Self> {
        let world = Self::new(1, purges);
        assert_eq!(world.take(ARENA_SLICES), Some(0));
        world.arenas.put(0, dirty, Free::Dirty);
        Arc::new(world)
    }

    /// Takes a pool and uses it: nobody else does, and what is told clean reads as zero.
    fn take(&self, count: u32) -> Option<u32> {
        self.take_as(count, false)
    }

    fn take_as(&self, count: u32, dense: bool) -> Option<u32> {
        let (first, clean) = self.arenas.take_pool(count, dense)?;
        self.use_slices(first, count, clean);
        Some(first)
    }

    fn use_slices(&self, first: u32, count: u32, clean: bool) {
        for slice in &self.memory.0.slices[first as usize..(first + count) as usize] {
            if clean {
                assert_eq!(slice.read(), 0, "a clean slice reads as zero");
            }
            slice.write(1);
        }
    }
}

#[test]
fn two_threads_that_take_pools_get_different_slices() {
    explore(|| {
        let world = World::with_dirty(2, true);
        let other = {
            let world = world.clone();
            thread::spawn(move || world.take(1))
        };
        let mine = world.take(1).expect("there are free slices");
        assert_ne!(Some(mine), other.join().expect("the thread ends"));
        assert_eq!(world.arenas.counts().used_slices, ARENA_SLICES as usize);
        world.arenas.check();
    });
}

#[test]
fn a_slice_put_back_by_one_thread_is_taken_by_another_with_its_contents() {
    explore(|| {
        let world = World::with_dirty(1, true);
        let use_one = |world: &World| {
            if let Some(first) = world.take(1) {
                world.arenas.put(first, 1, Free::Aged);
            }
        };
        let other = {
            let world = world.clone();
            thread::spawn(move || use_one(&world))
        };
        use_one(&world);
        other.join().expect("the thread ends");
        assert_eq!(world.arenas.counts().dirty_slices, 1);
        world.arenas.check();
    });
}

#[test]
fn two_threads_that_find_no_arena_make_it_once_each() {
    explore(|| {
        let world = Arc::new(World::new(2, true));
        let other = {
            let world = world.clone();
            thread::spawn(move || world.take(ARENA_SLICES))
        };
        let mine = world.take(ARENA_SLICES).expect("there is room for an arena");
        let theirs = other.join().expect("the thread ends").expect("there is room for another");
        assert_ne!(mine, theirs);
        assert_eq!(world.arenas.counts().arenas, 2);
        world.arenas.check();
    });
}

#[test]
fn a_run_and_a_pool_that_both_need_new_arenas_do_not_overlap() {
    explore(|| {
        let world = Arc::new(World::new(3, true));
        let other = {
            let world = world.clone();
            thread::spawn(move || {
                let mut clean = CleanMask::default();
                let first = world
                    .arenas
                    .take_run(ARENA_SLICES + 1, 1, 0, Filling::Unknown, Some(&mut clean))
                    .expect("there is room");
                assert_eq!(clean[0], (1 << (ARENA_SLICES + 1)) - 1);
                world.use_slices(first, ARENA_SLICES + 1, true);
            })
        };
        world.take(ARENA_SLICES).expect("there is room");
        other.join().expect("the thread ends");
        world.arenas.check();
    });
}

#[test]
fn a_run_grows_in_place_into_slices_that_nobody_takes() {
    explore(|| {
        let world = World::with_dirty(2, true);
        let run = world.take(1).expect("there are free slices");
        let other = {
            let world = world.clone();
            thread::spawn(move || world.take(1).is_some())
        };
        let grown = world.arenas.take_at(run + 1, 1);
        if grown {
            world.use_slices(run + 1, 1, false);
        }
        assert!(grown ^ other.join().expect("the thread ends"));
        world.arenas.check();
    });
}

#[test]
fn a_slice_that_is_being_purged_is_not_handed_out_and_is_clean_afterwards() {
    explore(|| {
        let world = World::with_dirty(2, true);
        let purger = {
            let world = world.clone();
            thread::spawn(move || {
                let mut below = u32::MAX;
                while world.arenas.purge_run(&mut below, 0, true).is_some() {}
            })
        };
        let mine = world.take(1);
        purger.join().expect("the thread ends");
        assert_ne!(mine, world.take(1));
        world.arenas.check();
    });
}

#[test]
fn slices_that_could_not_be_purged_are_not_clean() {
    explore(|| {
        let world = World::with_dirty(2, false);
        let purger = {
            let world = world.clone();
            thread::spawn(move || assert_ne!(world.arenas.purge_run(&mut u32::MAX.clone(), 0, true), Some(2)))
        };
        world.take(1);
        purger.join().expect("the thread ends");
        world.arenas.check();
    });
}

#[test]
fn two_threads_that_purge_share_the_slices() {
    explore(|| {
        let world = World::with_dirty(2, true);
        let purge = |world: &World| {
            let mut below = u32::MAX;
            core::iter::from_fn(|| world.arenas.purge_run(&mut below, 0, true)).sum::<usize>()
        };
        let other = {
            let world = world.clone();
            thread::spawn(move || purge(&world))
        };
        let mine = purge(&world);
        assert_eq!(mine + other.join().expect("the thread ends"), 2);
        assert_eq!(world.arenas.counts().dirty_slices, 0);
        world.arenas.check();
    });
}

#[test]
fn a_purge_of_idle_slices_leaves_those_that_were_freed_since() {
    explore(|| {
        let world = World::with_dirty(1, true);
        world.arenas.age();
        let other = {
            let world = world.clone();
            thread::spawn(move || world.arenas.put(1, 1, Free::Dirty))
        };
        let purged = world.arenas.purge_run(&mut u32::MAX.clone(), 0, false);
        assert_eq!(purged, Some(1));
        other.join().expect("the thread ends");
        assert_eq!(world.arenas.counts().dirty_slices, 1);
        world.arenas.check();
    });
}

#[test]
fn a_chunk_asks_for_huge_pages_once_and_before_anybody_has_a_part_of_it() {
    explore(|| {
        let world = Arc::new(World::new(2 * HUGE_ARENAS, true));
        // The first chunk does not ask: too little is in use.
        (0..HUGE_ARENAS).for_each(|_| assert!(world.take(ARENA_SLICES).is_some()));
        world.arenas.set_huge_from(0);
        let other = {
            let world = world.clone();
            thread::spawn(move || world.take_as(1, true))
        };
        let mine = world.take_as(ARENA_SLICES, true).expect("there is room in the second chunk");
        assert_ne!(Some(mine), other.join().expect("the thread ends"));
        assert_eq!([0, 1].map(|chunk| world.memory.0.huge[chunk].read()), [0, 1]);
        world.arenas.check();
    });
}

#[test]
fn what_is_not_dense_leaves_the_chunk_to_what_is_unless_there_is_nothing_else() {
    // A word of the bitmap of empty arenas, which is left behind when nothing else is empty.
    const CHUNKS: u32 = 64 / HUGE_ARENAS;
    explore(|| {
        let world = World::new(CHUNKS * HUGE_ARENAS, true);
        (0..HUGE_ARENAS).for_each(|_| assert!(world.take(ARENA_SLICES).is_some()));
        world.arenas.set_huge_from(0);
        let chunk_of = |slice: Option<u32>| slice.expect("there is room") / (HUGE_ARENAS * ARENA_SLICES);
        let dense = chunk_of(world.take_as(ARENA_SLICES, true));
        for _ in 2 * HUGE_ARENAS..CHUNKS * HUGE_ARENAS {
            assert_ne!(chunk_of(world.take(ARENA_SLICES)), dense);
        }
        assert_eq!(chunk_of(world.take_as(ARENA_SLICES, true)), dense);
        for _ in 2..HUGE_ARENAS {
            assert_eq!(chunk_of(world.take(ARENA_SLICES)), dense);
        }
        assert_eq!(world.take(1), None);
        world.arenas.check();
    });
}

#[test]
fn a_chunk_of_which_a_part_was_purged_is_kept_for_nobody_and_asks_again_once_all_of_it_is_clean() {
    explore(|| {
        let world = World::new(3 * HUGE_ARENAS, true);
        (0..HUGE_ARENAS).for_each(|_| assert!(world.take(ARENA_SLICES).is_some()));
        world.arenas.set_huge_from(0);
        let chunk = HUGE_ARENAS * ARENA_SLICES;
        assert_eq!(world.take_as(ARENA_SLICES, true), Some(chunk));
        assert_eq!(world.arenas.purge_run(&mut (chunk + 2 * ARENA_SLICES), 0, true), Some(ARENA_SLICES as usize));
        // The lowest there are.
        assert_eq!(world.take(ARENA_SLICES), Some(chunk + 2 * ARENA_SLICES));
        world.arenas.put(chunk, ARENA_SLICES, Free::Dirty);
        world.arenas.put(chunk + 2 * ARENA_SLICES, ARENA_SLICES, Free::Dirty);
        while world.arenas.purge_run(&mut u32::MAX.clone(), 0, true).is_some() {}
        assert_eq!(world.take_as(ARENA_SLICES, true), Some(chunk));
        assert_eq!(world.memory.0.huge[1].read(), 1);
        world.arenas.check();
    });
}
