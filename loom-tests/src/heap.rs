//! The protocols together, as heaps use them: remote frees, the end of threads, adoption and taking over.
//!
//! One pool of a few blocks, and heaps whose insides are only the set of the pool's free blocks. Magazine `n` carries
//! block `n`.

use crate::model::{Contents, Indices, Nodes, explore};
use cenote::sync::{Lock, Mailbox, Roster, Signpost};
use loom::thread;
use std::sync::Arc;

const BLOCKS: usize = 2;
const HEAPS: usize = 2;

struct Heap {
    made: Contents,
    inner: Lock<Inner>,
    mailbox: Mailbox,
}

/// The pool's free blocks, if the pool is this heap's.
struct Inner {
    free: Indices,
}

struct World {
    roster: Roster,
    heap_links: Nodes<HEAPS>,
    heaps: [Heap; HEAPS],
    pool: Signpost,
    magazines: Nodes<BLOCKS>,
    blocks: [Contents; BLOCKS],
}

impl World {
    /// Heap 0 exists and has the pool, with all blocks in use.
    fn new() -> Self {
        let heap = |_| Heap {
            made: Contents::new(0),
            inner: Lock::new(Inner { free: Indices::default() }),
            mailbox: Mailbox::new(),
        };
        let world = Self {
            roster: Roster::new(),
            heap_links: Nodes::new(),
            heaps: core::array::from_fn(heap),
            pool: Signpost::new(0),
            magazines: Nodes::new(),
            blocks: core::array::from_fn(|_| Contents::new(0)),
        };
        assert_eq!(world.create(), 0);
        world
    }

    fn make(&self, id: u32) -> bool {
        self.heaps[id as usize].made.write(1);
        true
    }

    fn create(&self) -> u32 {
        self.roster.create(&self.heap_links, |id| self.make(id)).expect("there is room")
    }

    fn adopt(&self) -> u32 {
        self.roster.adopt(&self.heap_links, |id| self.make(id)).expect("there is room")
    }

    fn orphan(&self, id: u32) {
        self.roster.orphan(&self.heap_links, id);
    }

    fn heap(&self, id: u32) -> &Heap {
        let heap = &self.heaps[id as usize];
        assert_eq!(heap.made.read(), 1, "a heap that somebody names is made");
        heap
    }

    /// The last use of `block`, and its free by a thread whose heap does not own the pool.
    fn free_remotely(&self, block: u32) {
        self.blocks[block as usize].write(block + 1);
        self.magazines.contents[block as usize].write(block);
        self.heap(self.pool.read()).mailbox.send(&self.magazines, block);
    }

    /// The last use of `block`, and its free by a thread that has no magazines.
    fn free_into_owner(&self, block: u32) {
        self.blocks[block as usize].write(block + 1);
        let (_, mut inner) = self.pool.lock(|id| &self.heap(id).inner);
        inner.free.add(block);
    }

    /// Takes in the mail of heap `id`, whose `inner` is locked, and passes on what is another heap's.
    fn collect(&self, id: u32, inner: &mut Inner) {
        for magazine in self.heap(id).mailbox.collect(&self.magazines) {
            let block = self.magazines.contents[magazine as usize].read();
            let owner = self.pool.read();
            if owner == id {
                inner.free.add(block);
            } else {
                self.heap(owner).mailbox.send(&self.magazines, magazine);
            }
        }
    }

    /// A block from heap `id`, which is the caller's, with what its last user left in it.
    fn alloc(&self, id: u32) -> Option<u32> {
        let mut inner = self.heap(id).inner.lock();
        self.collect(id, &mut inner);
        let block = inner.free.take()?;
        drop(inner);
        assert_eq!(self.blocks[block as usize].read(), block + 1);
        self.blocks[block as usize].write(0);
        Some(block)
    }

    /// Moves the pool from an orphan to heap `id`, which is the caller's.
    fn take_over(&self, id: u32) -> bool {
        let mut inner = self.heap(id).inner.lock();
        self.roster.try_orphans(&self.heap_links, |orphan| {
            let Some(mut other) = self.heap(orphan).inner.try_lock() else {
                return false;
            };
            self.collect(orphan, &mut other);
            if self.pool.read() != orphan {
                return false;
            }
            inner.free = core::mem::take(&mut other.free);
            self.pool.write(id);
            true
        })
    }

    /// Every block is in `taken`, or can be had once nobody runs any more.
    fn check(&self, mut taken: Indices) {
        for id in (0..self.roster.count()).chain(0..self.roster.count()) {
            self.collect(id, &mut self.heap(id).inner.lock());
        }
        while let Some(block) = self.alloc(self.pool.read()) {
            taken.add(block);
        }
        assert_eq!(taken, Indices::all(BLOCKS as u32));
    }
}

#[test]
fn a_block_freed_remotely_reaches_its_owner_with_its_contents() {
    explore(|| {
        let world = Arc::new(World::new());
        let other = {
            let world = world.clone();
            thread::spawn(move || (0..2).for_each(|block| world.free_remotely(block)))
        };
        let mut taken = Indices::default();
        taken.extend(world.alloc(0));
        other.join().expect("the thread ends");
        world.check(taken);
    });
}

#[test]
fn two_remote_frees_and_an_owner_that_collects_lose_no_block() {
    explore(|| {
        let world = Arc::new(World::new());
        let others = [0, 1].map(|block| {
            let world = world.clone();
            thread::spawn(move || world.free_remotely(block))
        });
        let mut taken = Indices::default();
        taken.extend(world.alloc(0));
        for other in others {
            other.join().expect("the thread ends");
        }
        world.check(taken);
    });
}

#[test]
fn a_heap_orphaned_under_a_remote_free_and_adopted_loses_no_block() {
    explore(|| {
        let world = Arc::new(World::new());
        world.free_into_owner(1);
        let freeing = {
            let world = world.clone();
            thread::spawn(move || world.free_remotely(0))
        };
        let starting = {
            let world = world.clone();
            thread::spawn(move || world.alloc(world.adopt()))
        };
        world.orphan(0);
        let mut taken = Indices::default();
        freeing.join().expect("the thread ends");
        taken.extend(starting.join().expect("the thread ends"));
        world.check(taken);
    });
}

#[test]
fn a_pool_taken_over_under_a_remote_free_loses_no_block() {
    explore(|| {
        let world = Arc::new(World::new());
        world.free_into_owner(1);
        world.orphan(0);
        let freeing = {
            let world = world.clone();
            thread::spawn(move || world.free_remotely(0))
        };
        let id = world.create();
        assert!(world.take_over(id));
        let mut taken = Indices::default();
        taken.extend(world.alloc(id));
        assert_ne!(taken, Indices::default(), "a pool that was taken over serves blocks");
        freeing.join().expect("the thread ends");
        world.check(taken);
    });
}

#[test]
fn a_block_put_straight_into_its_pool_follows_the_pool_to_its_new_owner() {
    explore(|| {
        let world = Arc::new(World::new());
        world.orphan(0);
        let freeing = {
            let world = world.clone();
            thread::spawn(move || world.free_into_owner(0))
        };
        let id = world.create();
        world.take_over(id);
        world.free_into_owner(1);
        freeing.join().expect("the thread ends");
        world.check(Indices::default());
    });
}

#[test]
fn an_orphan_adopted_by_one_thread_is_not_taken_over_by_another() {
    explore(|| {
        let world = Arc::new(World::new());
        let short = world.create();
        world.free_into_owner(0);
        world.free_into_owner(1);
        world.orphan(0);
        // The thread that starts gets the orphan, or a new heap would be made: here there is no room for one.
        let starting = {
            let world = world.clone();
            thread::spawn(move || {
                let id = world.roster.adopt(&world.heap_links, |_| false)?;
                world.alloc(id)
            })
        };
        world.take_over(short);
        let mut taken = Indices::default();
        taken.extend(world.alloc(short));
        taken.extend(starting.join().expect("the thread ends"));
        world.check(taken);
    });
}

#[test]
fn a_thread_that_ends_another_that_runs_short_and_a_remote_free_lose_no_block() {
    explore(|| {
        let world = Arc::new(World::new());
        world.free_into_owner(1);
        let short = world.create();
        let freeing = {
            let world = world.clone();
            thread::spawn(move || world.free_remotely(0))
        };
        let running_short = {
            let world = world.clone();
            thread::spawn(move || {
                world.take_over(short);
                world.alloc(short)
            })
        };
        world.orphan(0);
        let mut taken = Indices::default();
        freeing.join().expect("the thread ends");
        taken.extend(running_short.join().expect("the thread ends"));
        world.check(taken);
    });
}
