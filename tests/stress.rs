//! Many threads that allocate, write, verify and free, their own blocks and each other's.

use std::sync::Barrier;
use std::sync::mpsc::sync_channel;
use std::thread;

use cenote::{Cenote, Heap};

use parcel::{Exchange, Parcel};
use resident::resident_bytes;
use rng::SplitMix64;

#[path = "common/parcel.rs"]
mod parcel;
#[path = "common/pattern.rs"]
mod pattern;
#[path = "common/resident.rs"]
mod resident;
#[path = "common/rng.rs"]
mod rng;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

const THREADS: u64 = 4;
const MAX_BYTES: usize = 40_000;

fn random_parcel(random: &mut SplitMix64) -> *mut Parcel {
    let align = 1 << random.below(9);
    Parcel::make(random.size(MAX_BYTES), align, random.next())
}

/// A parcel that its owner may send to another thread.
struct Sent(*mut Parcel);

// SAFETY: a parcel has one owner, and may be opened in any thread.
unsafe impl Send for Sent {}

impl Sent {
    fn open(self) {
        // SAFETY: `Sent` is made from a fresh parcel that nobody else has.
        unsafe { Parcel::open(self.0) };
    }
}

#[test]
fn threads_exchange_blocks() {
    static EXCHANGE: Exchange<512> = Exchange::new();
    thread::scope(|scope| {
        for seed in 0..THREADS {
            scope.spawn(move || {
                let mut random = SplitMix64(seed);
                for _ in 0..150_000 {
                    let place = random.below(512);
                    EXCHANGE.trade(place, random_parcel(&mut random));
                }
            });
        }
    });
    EXCHANGE.clear();
    Cenote::check();
}

#[test]
fn one_thread_allocates_and_another_frees() {
    thread::scope(|scope| {
        for seed in 0..THREADS / 2 {
            let (sender, receiver) = sync_channel::<Sent>(300);
            scope.spawn(move || {
                let mut random = SplitMix64(seed);
                for _ in 0..100_000 {
                    sender.send(Sent(random_parcel(&mut random))).expect("the receiver lives");
                }
            });
            scope.spawn(move || receiver.into_iter().for_each(Sent::open));
        }
    });
    Cenote::check();
}

#[test]
fn threads_take_and_free_in_bursts() {
    let barrier = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let barrier = &barrier;
            scope.spawn(move || {
                let mut random = SplitMix64(seed);
                for round in 0..30 {
                    let size = random.size(1000);
                    let parcels: Vec<_> = (0..2000).map(|i| Parcel::make(size, 1, seed ^ i)).collect();
                    if round % 8 == 0 {
                        barrier.wait();
                        Cenote::purge();
                    }
                    for parcel in parcels {
                        // SAFETY: made above, and in no other hands.
                        unsafe { Parcel::open(parcel) };
                    }
                }
            });
        }
    });
    Cenote::check();
}

/// Threads come and go; what they leave behind is freed by later ones, and their memory is used again.
#[test]
fn short_lived_threads() {
    static EXCHANGE: Exchange<256> = Exchange::new();
    const GENERATIONS: u64 = 600;
    /// Well above what the other tests of this process hold, well below what all these threads take.
    const LEAK_BYTES: usize = 256 << 20;

    let before = resident_bytes();
    for generation in 0..GENERATIONS {
        let live_and_die = move |thread| {
            let mut random = SplitMix64(generation << 8 | thread);
            let own: Vec<_> = (0..20).map(|_| random_parcel(&mut random)).collect();
            let large = Parcel::make(256 << 10, 1, generation);
            for _ in 0..20 {
                let place = random.below(256);
                EXCHANGE.trade(place, random_parcel(&mut random));
            }
            for parcel in own.into_iter().chain([large]) {
                // SAFETY: made above, and in no other hands.
                unsafe { Parcel::open(parcel) };
            }
        };
        // Not by a scope, which waits for its threads in a way that ThreadSanitizer does not see.
        let threads: Vec<_> = (0..6).map(|thread| thread::spawn(move || live_and_die(thread))).collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    }
    EXCHANGE.clear();
    Cenote::check();
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < LEAK_BYTES, "{grown} bytes stay after the threads have gone");
}

/// All blocks of a thread outlive it.
#[test]
fn blocks_outlive_their_thread() {
    for round in 0..40 {
        let parcels: Vec<Sent> = thread::spawn(move || {
            let mut random = SplitMix64(round);
            (0..500).map(|_| Sent(random_parcel(&mut random))).collect()
        })
        .join()
        .expect("no panic");
        thread::spawn(move || parcels.into_iter().for_each(Sent::open)).join().expect("no panic");
    }
    Cenote::check();
}

#[test]
fn threads_share_a_heap() {
    use allocator_api2::vec::Vec;

    let heap = Heap::new();
    let sums: std::vec::Vec<u64> = thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<Vec<u64, &Heap>>(50);
        for seed in 0..THREADS {
            let sender = sender.clone();
            let heap = &heap;
            scope.spawn(move || {
                let mut random = SplitMix64(seed);
                for _ in 0..2000 {
                    let mut numbers = Vec::new_in(heap);
                    for number in 0..random.size(500) as u64 {
                        numbers.push(number);
                    }
                    sender.send(numbers).expect("the receiver lives");
                }
            });
        }
        drop(sender);
        receiver
            .into_iter()
            .map(|numbers| {
                let len = numbers.len() as u64;
                numbers.iter().sum::<u64>() - len * (len - 1) / 2
            })
            .collect()
    });
    assert_eq!(sums, [0; 2000 * THREADS as usize]);
    drop(heap);
    Cenote::check();
}
