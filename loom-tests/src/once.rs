use crate::model::{Contents, explore};
use cenote::sync::Once;
use loom::thread;
use std::sync::Arc;

const READY: u32 = 1;

struct Made {
    once: Once,
    fields: [Contents; 2],
}

impl Made {
    fn new() -> Arc<Self> {
        Arc::new(Self { once: Once::new(), fields: [Contents::new(0), Contents::new(0)] })
    }

    /// As the first slow path of a thread does. Tells whether it was this call that made it.
    fn ready(&self) -> bool {
        let mut here = false;
        if self.once.state() == Once::NEW {
            let state;
            (state, here) = self.once.call(|| {
                for field in &self.fields {
                    field.write(field.read() + 1);
                }
                READY
            });
            assert_eq!(state, READY);
        }
        self.look();
        here
    }

    fn look(&self) {
        assert_eq!(self.fields.each_ref().map(Contents::read), [1, 1]);
    }
}

#[test]
fn what_is_made_once_is_seen_by_all_who_see_that_it_is() {
    explore(|| {
        let made = Made::new();
        let other = {
            let made = made.clone();
            thread::spawn(move || made.ready())
        };
        let here = made.ready();
        assert!(here ^ other.join().expect("the thread ends"), "made once");
    });
}

#[test]
fn who_only_looks_sees_nothing_or_all() {
    explore(|| {
        let made = Made::new();
        let other = {
            let made = made.clone();
            thread::spawn(move || made.ready())
        };
        if made.once.state() == READY {
            made.look();
        }
        assert!(other.join().expect("the thread ends"));
    });
}
