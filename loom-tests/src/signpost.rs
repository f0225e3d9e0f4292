use crate::model::{Contents, explore};
use cenote::sync::{Lock, Signpost};
use loom::thread;
use std::sync::Arc;

/// An owner that may be made while the scenario runs.
struct Owner {
    made: Contents,
    inner: Lock<u32>,
}

struct Thing {
    signpost: Signpost,
    owners: [Owner; 2],
}

impl Thing {
    /// Owned by owner 0; owner 1 is not made yet.
    fn new() -> Arc<Self> {
        let owners = [1, 0].map(|made| Owner { made: Contents::new(made), inner: Lock::new(0) });
        Arc::new(Self { signpost: Signpost::new(0), owners })
    }

    fn owner(&self, id: u32) -> &Owner {
        let owner = &self.owners[id as usize];
        assert_eq!(owner.made.read(), 1, "an owner that is named is made");
        owner
    }

    /// Makes owner 1 and gives it what owner 0 has.
    fn hand_over(&self) {
        self.owners[1].made.write(1);
        let mut to = self.owner(1).inner.lock();
        let mut from = self.owner(0).inner.lock();
        *to += core::mem::take(&mut *from);
        self.signpost.write(1);
    }
}

#[test]
fn an_owner_named_by_a_signpost_is_seen_whole() {
    explore(|| {
        let thing = Thing::new();
        let other = {
            let thing = thing.clone();
            thread::spawn(move || thing.hand_over())
        };
        thing.owner(thing.signpost.read());
        other.join().expect("the thread ends");
    });
}

#[test]
fn the_owner_whose_lock_is_held_stays_the_owner() {
    explore(|| {
        let thing = Thing::new();
        let other = {
            let thing = thing.clone();
            thread::spawn(move || thing.hand_over())
        };
        {
            let (id, mut inner) = thing.signpost.lock(|id| &thing.owner(id).inner);
            *inner += 1;
            assert_eq!(thing.signpost.read(), id);
        }
        other.join().expect("the thread ends");
        assert_eq!(thing.signpost.read(), 1);
        assert_eq!(*thing.owner(0).inner.lock(), 0, "nothing stays behind");
        assert_eq!(*thing.owner(1).inner.lock(), 1, "everything is handed over");
    });
}
