//! `cache-scratch` and `cache-thrash`: does the allocator make threads share cache lines?
//!
//! After Berger, McKinley, Blumofe and Wilson, "Hoard: a scalable memory allocator for multithreaded applications" (ASPLOS
//! 2000). In both, each thread takes a tiny object, writes it many times and frees it. In `cache-thrash` an allocator that
//! hands pieces of one line to several threads makes them share it (active false sharing). In `cache-scratch` one thread
//! took objects side by side and gave one to each thread, which frees it first: an allocator that hands it out again at
//! once lets the threads share lines from then on (passive).
//!
//! Differs: the number of writes is divided among the threads, into shares; a thread frees what it was given before its
//! first.
//!
//! Cannot show: degrees. Either lines are shared and times are many times longer, or not and all are equal; with one thread
//! they are always equal, and on cores that share their first cache as well.

use crate::team::{SHARES, on_shares};
use crate::{Pass, Setting, line};
use std::hint::black_box;
use std::sync::Mutex;

const OBJECTS_PER_SHARE: u64 = 50;
const WRITES: usize = 48_000_000;

/// How the threads come to share lines.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// By objects that another thread took.
    Passive,
    /// By what they take themselves.
    Active,
}

pub(super) fn prepare(setting: &Setting, kind: Kind) -> Pass {
    let threads = setting.threads;
    let writes = setting.scaled(WRITES / SHARES / OBJECTS_PER_SHARE as usize) as u64;
    Box::new(move || {
        let given: Vec<Mutex<Option<Box<u64>>>> =
            (0..threads).map(|_| Mutex::new((kind == Kind::Passive).then(|| Box::new(0)))).collect();
        let tally = on_shares(threads, |share, tally| {
            if let Some(given) = given.get(share) {
                drop(given.lock().expect("nobody panics").take());
            }
            for first in 0..OBJECTS_PER_SHARE {
                let mut object = Box::new(first);
                line::start();
                for _ in 0..writes {
                    *black_box(&mut *object) += 1;
                }
                tally.expect(*object == first + writes, "a tiny object");
                tally.add(*object);
            }
        });
        tally.outcome()
    })
}
