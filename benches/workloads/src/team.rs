//! Threads that share a workload's work.
//!
//! Work is cut into a number of shares that does not depend on the number of threads, and each share has randomness of its
//! own: so any number of threads does the same work, and wall time tells how an allocator scales.

use crate::rng::Rng;
use crate::tally::Tally;
use std::thread;

/// Into how many shares work is cut: 1, 2, 4, 8 and 16 threads get equally many.
pub const SHARES: usize = 16;

/// Runs `work(thread)` in as many new threads as asked for, at least one, and merges what they counted.
///
/// # Panics
/// When a thread has.
pub fn on_threads(threads: usize, work: impl Fn(usize) -> Tally + Sync) -> Tally {
    let mut tally = Tally::default();
    thread::scope(|scope| {
        let work = &work;
        // A small vector, taken from the allocator as any program would that remembers its threads.
        let handles: Vec<_> = (0..threads.max(1)).map(|thread| scope.spawn(move || work(thread))).collect();
        for handle in handles {
            tally.merge(handle.join().expect("a thread of the workload panicked"));
        }
    });
    tally
}

/// Runs `work(share)` for all [`SHARES`], divided among `threads` new threads.
///
/// # Panics
/// When a thread has.
pub fn on_shares(threads: usize, work: impl Fn(usize, &mut Tally) + Sync) -> Tally {
    on_threads(threads, |thread| {
        let mut tally = Tally::default();
        for share in (thread..SHARES).step_by(threads.max(1)) {
            work(share, &mut tally);
        }
        tally
    })
}

/// The randomness of one share, or whatever else `index` counts, under `seed`.
pub fn rng_of(seed: u64, index: usize) -> Rng {
    Rng::new(seed ^ (index as u64 + 1).wrapping_mul(0xD6E8_FEB8_6659_FD93))
}

/// Waits until `ready` says so: some spins, then giving the core away, as the other side may need it.
#[inline]
pub fn wait_until(mut ready: impl FnMut() -> bool) {
    let mut spins = 0;
    while !ready() {
        if spins < 100 {
            spins += 1;
            std::hint::spin_loop();
        } else {
            thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_threads_does_the_same_work() {
        for threads in [0, 1, 3, 16, 20] {
            let tally = on_shares(threads, |share, tally| tally.add(1 << share));
            assert_eq!(tally.outcome(), Ok((1 << SHARES) - 1));
        }
    }
}
