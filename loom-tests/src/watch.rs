use crate::model::{Contents, explore};
use cenote::sync::Watch;
use loom::thread;
use std::sync::Arc;

/// Reporter `n` reports this much, so that a sum tells who reported.
const AMOUNTS: [usize; 2] = [1, 16];

struct Watched {
    watch: Watch,
    done: [Contents; 2],
    seen: [Contents; 2],
}

impl Watched {
    fn new() -> Arc<Self> {
        let contents = || [Contents::new(0), Contents::new(0)];
        Arc::new(Self { watch: Watch::new(), done: contents(), seen: contents() })
    }

    /// Does something, reports it, and becomes the watcher if there is none.
    fn work(&self, who: usize) {
        self.done[who].write(1);
        let (reported, running) = self.watch.report(AMOUNTS[who]);
        assert!(running || reported >= AMOUNTS[who]);
        if !running && self.watch.start() {
            self.run();
        }
    }

    fn run(&self) {
        loop {
            let taken = self.watch.take();
            for (who, amount) in AMOUNTS.into_iter().enumerate() {
                if !(taken / amount).is_multiple_of(AMOUNTS[1]) {
                    assert_eq!(self.done[who].read(), 1);
                    self.seen[who].write(1);
                }
            }
            if self.watch.end() {
                return;
            }
        }
    }
}

#[test]
fn a_watcher_sees_what_was_reported_and_ends_only_when_it_saw_all() {
    explore(|| {
        let watched = Watched::new();
        let other = {
            let watched = watched.clone();
            thread::spawn(move || watched.work(1))
        };
        watched.work(0);
        other.join().expect("the thread ends");
        let (reported, running) = watched.watch.report(0);
        assert_eq!((reported, running), (0, false), "no report is left to nobody");
        watched.watch.take();
        assert_eq!(watched.seen.each_ref().map(Contents::read), [1, 1]);
    });
}

#[test]
fn there_is_one_watcher_at_a_time() {
    explore(|| {
        let watch = Arc::new(Watch::new());
        let other = {
            let watch = watch.clone();
            thread::spawn(move || watch.start())
        };
        let here = watch.start();
        assert!(here ^ other.join().expect("the thread ends"));
    });
}
