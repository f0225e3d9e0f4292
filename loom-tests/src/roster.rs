use crate::model::{Contents, Indices, Nodes, at_once, explore, explore_both, explore_up_to};
use cenote::sync::{Lock, Roster};
use loom::thread;
use std::sync::Arc;

/// A roster of up to `N` members, each with contents that are 0 until it is made, and a lock for the fork handler.
struct Row<const N: usize> {
    roster: Roster,
    nodes: Nodes<N>,
    locks: [Lock<u32>; N],
}

impl<const N: usize> Row<N> {
    fn new() -> Arc<Self> {
        let locks = core::array::from_fn(|_| Lock::new(0));
        Arc::new(Self { roster: Roster::new(), nodes: Nodes::new(), locks })
    }

    fn contents(&self, id: u32) -> &Contents {
        &self.nodes.contents[id as usize]
    }

    fn make(&self, id: u32) -> bool {
        assert_eq!(self.contents(id).read(), 0, "a member is made once");
        self.contents(id).write(1);
        true
    }

    fn create(&self) -> u32 {
        self.roster.create(&self.nodes, |id| self.make(id)).expect("there is room")
    }

    fn adopt(&self) -> u32 {
        let id = self.roster.adopt(&self.nodes, |id| self.make(id)).expect("there is room");
        self.use_it(id);
        id
    }

    fn orphan(&self, id: u32) {
        self.use_it(id);
        self.roster.orphan(&self.nodes, id);
    }

    /// Only who has a member may do this.
    fn use_it(&self, id: u32) {
        let contents = self.contents(id);
        contents.write(contents.read() + 1);
    }
}

#[test]
fn a_member_that_is_counted_is_seen_whole() {
    explore_both(|swapped| {
        let row = Row::<2>::new();
        let (making, looking) = (row.clone(), row.clone());
        let make = move || {
            making.create();
            making.create();
        };
        let look = move || {
            for id in 0..looking.roster.count() {
                assert_eq!(looking.contents(id).read(), 1);
            }
        };
        at_once(swapped, make, look);
        assert_eq!(row.roster.count(), 2);
    });
}

#[test]
fn an_orphan_is_adopted_once_with_what_it_holds() {
    explore(|| {
        let row = Row::<2>::new();
        let id = row.create();
        row.orphan(id);
        let other = {
            let row = row.clone();
            thread::spawn(move || row.adopt())
        };
        let mut seen = Indices::default();
        seen.add(row.adopt());
        seen.add(other.join().expect("the thread ends"));
        assert_eq!(seen, Indices::all(2));
    });
}

#[test]
fn a_member_orphaned_while_another_thread_adopts_is_adopted_or_left() {
    explore(|| {
        let row = Row::<2>::new();
        let id = row.create();
        let other = {
            let row = row.clone();
            thread::spawn(move || row.orphan(id))
        };
        let mut seen = Indices::default();
        seen.add(row.adopt());
        other.join().expect("the thread ends");
        seen.add(row.adopt());
        assert_eq!(seen, Indices::all(2));
    });
}

#[test]
fn a_spare_is_had_by_one_thread_at_a_time() {
    explore(|| {
        let row = Row::<2>::new();
        let id = row.create();
        row.roster.spare(&row.nodes, id);
        let other = {
            let row = row.clone();
            thread::spawn(move || {
                let id = row.create();
                row.use_it(id);
                row.roster.spare(&row.nodes, id);
            })
        };
        let mine = row.create();
        row.use_it(mine);
        other.join().expect("the thread ends");
        row.use_it(mine);
    });
}

#[test]
fn an_orphan_that_is_lent_is_not_adopted_meanwhile_and_comes_back() {
    explore(|| {
        let row = Row::<2>::new();
        let id = row.create();
        row.orphan(id);
        let other = {
            let row = row.clone();
            thread::spawn(move || {
                row.roster.try_orphans(&row.nodes, |id| {
                    row.use_it(id);
                    true
                })
            })
        };
        let mut seen = Indices::default();
        seen.add(row.adopt());
        let lent = other.join().expect("the thread ends");
        assert!(lent || seen == Indices::all(1), "an orphan that nobody has is lent");
        seen.add(row.adopt());
        assert_eq!(seen, Indices::all(2));
    });
}

/// Up to three preemptions: all of it would take too long.
#[test]
fn orphans_that_are_lent_and_left_by_two_threads_are_all_there_in_the_end() {
    explore_up_to(3, || {
        let row = Row::<3>::new();
        let ids = [row.create(), row.create(), row.create()];
        row.orphan(ids[0]);
        row.orphan(ids[1]);
        let other = {
            let row = row.clone();
            thread::spawn(move || {
                row.roster.try_orphans(&row.nodes, |id| {
                    row.use_it(id);
                    false
                })
            })
        };
        row.orphan(ids[2]);
        row.roster.try_orphans(&row.nodes, |id| {
            row.use_it(id);
            true
        });
        other.join().expect("the thread ends");
        let mut seen = Indices::default();
        seen.extend([row.adopt(), row.adopt(), row.adopt()]);
        assert_eq!(seen, Indices::all(3));
    });
}

#[test]
fn a_fork_takes_every_members_lock_and_gives_them_back() {
    explore_both(|swapped| {
        let row = Row::<2>::new();
        row.create();
        let (forking, starting) = (row.clone(), row.clone());
        let fork = move || {
            let row = forking;
            let mut taken = 0;
            row.roster.acquire_all(|id| {
                row.locks[id as usize].acquire();
                taken += 1;
            });
            for id in 0..row.roster.count() {
                assert!(row.locks[id as usize].try_lock().is_none(), "member {id} was left out");
            }
            let release = |id| {
                assert!(id < taken, "member {id} was made meanwhile");
                // SAFETY: taken above.
                unsafe { row.locks[id as usize].release() };
            };
            // SAFETY: taken above.
            unsafe { row.roster.release_all(release) };
        };
        let start = move || {
            let id = starting.adopt();
            *starting.locks[id as usize].lock() += 1;
        };
        at_once(swapped, fork, start);
        assert_eq!(*row.locks[1].lock(), 1);
    });
}
