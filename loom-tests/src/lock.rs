use crate::model::explore;
use cenote::sync::Lock;
use loom::thread;
use std::sync::Arc;

#[test]
fn two_threads_under_a_lock_see_each_others_writes() {
    explore(|| {
        let lock = Arc::new(Lock::new(0));
        let other = {
            let lock = lock.clone();
            thread::spawn(move || *lock.lock() += 1)
        };
        *lock.lock() += 1;
        other.join().expect("the thread ends");
        assert_eq!(*lock.lock(), 2);
    });
}

/// Only one waits: loom would let two waiters make way for each other for ever.
#[test]
fn one_who_waits_and_two_who_try_are_under_a_lock_one_at_a_time() {
    explore(|| {
        let lock = Arc::new(Lock::new(0));
        let others = [1, 2].map(|_| {
            let lock = lock.clone();
            thread::spawn(move || lock.try_lock().map(|mut value| *value += 1).is_some() as u32)
        });
        *lock.lock() += 1;
        let got = others.map(|other| other.join().expect("the thread ends"));
        assert_eq!(*lock.lock(), 1 + got.iter().sum::<u32>());
    });
}

#[test]
fn who_tries_a_lock_gets_it_whole_or_not_at_all() {
    explore(|| {
        let lock = Arc::new(Lock::new(0));
        let other = {
            let lock = lock.clone();
            thread::spawn(move || lock.try_lock().map(|mut value| *value += 1).is_some() as u32)
        };
        let mine = lock.try_lock().map(|mut value| *value += 1).is_some() as u32;
        let theirs = other.join().expect("the thread ends");
        assert!(mine + theirs >= 1, "nobody got a lock that was free");
        assert_eq!(*lock.lock(), mine + theirs);
    });
}

#[test]
fn a_lock_taken_without_a_guard_keeps_others_out() {
    explore(|| {
        let lock = Arc::new(Lock::new(0));
        let other = {
            let lock = lock.clone();
            thread::spawn(move || *lock.lock() += 1)
        };
        lock.acquire();
        assert!(lock.try_lock().is_none());
        // SAFETY: taken above.
        unsafe { lock.release() };
        other.join().expect("the thread ends");
        assert_eq!(*lock.lock(), 1);
    });
}
