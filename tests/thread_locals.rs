//! Allocation where a program or a thread begins and ends: before `main`, in destructors of thread-locals
//! and pthread keys, and in exit handlers.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::thread;

use cenote::Cenote;

use parcel::{Exchange, Parcel};
use resident::resident_bytes;

#[path = "common/parcel.rs"]
mod parcel;
#[path = "common/pattern.rs"]
mod pattern;
#[path = "common/reexec.rs"]
mod reexec;
#[path = "common/resident.rs"]
mod resident;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

/// Allocates blocks of many sizes, verifies and frees them.
fn use_allocator() {
    let parcels: Vec<_> = (0..60).map(|i| Parcel::make(i * i * 10, 1 << (i % 8), i as u64)).collect();
    for parcel in parcels {
        // SAFETY: made above, and in no other hands.
        unsafe { Parcel::open(parcel) };
    }
}

/// Made before `main`.
static EARLY_STRINGS: AtomicPtr<Vec<String>> = AtomicPtr::new(ptr::null_mut());
static EARLY_KEY: AtomicU32 = AtomicU32::new(0);

#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    // ORDERING: there is one thread yet; those that come later are made by it.
    EARLY_KEY.store(new_key(), Ordering::Relaxed);
    use_allocator();
    let strings = (0..1000).map(|i| format!("before main {i}")).collect();
    // ORDERING: as above.
    EARLY_STRINGS.store(Box::into_raw(Box::new(strings)), Ordering::Relaxed);
    if reexec::message().is_some() {
        MAIN_THREAD_LOCAL.with(|_| {});
        // SAFETY: `at_exit` may be called at any time.
        assert_eq!(unsafe { libc::atexit(at_exit) }, 0);
    }
}

#[test]
fn blocks_from_before_main_are_freed_later() {
    // ORDERING: stored before this thread was made.
    let strings = EARLY_STRINGS.swap(ptr::null_mut(), Ordering::Relaxed);
    assert!(!strings.is_null());
    // SAFETY: `before_main` stored a box, and this is the only place that takes it.
    let mut strings = unsafe { Box::from_raw(strings) };
    strings.push("after".to_owned());
    for (i, string) in strings.iter().take(1000).enumerate() {
        assert_eq!(*string, format!("before main {i}"));
    }
    assert_eq!(strings.len(), 1001);
}

/// A thread-local that allocates when it is destroyed, and then touches the next one.
struct Keeper {
    parcel: *mut Parcel,
    touch_next: fn(),
}

static KEEPERS_DROPPED: AtomicUsize = AtomicUsize::new(0);

impl Keeper {
    fn new(touch_next: fn()) -> Self {
        Self { parcel: Parcel::make(3000, 1, 1), touch_next }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        use_allocator();
        // SAFETY: made in `new`, and in no other hands.
        unsafe { Parcel::open(self.parcel) };
        (self.touch_next)();
        assert!(FIRST.try_with(|_| {}).is_err());
        use_allocator();
        // ORDERING: joining the thread publishes the count.
        KEEPERS_DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

thread_local! {
    static FIRST: Keeper = Keeper::new(|| SECOND.with(|_| {}));
    static SECOND: Keeper = Keeper::new(|| THIRD.with(|_| {}));
    static THIRD: Keeper = Keeper::new(|| {});
}

#[test]
fn destructors_of_thread_locals_allocate_and_make_more_thread_locals() {
    const THREADS: usize = 200;
    for _ in 0..THREADS / 4 {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                thread::spawn(|| {
                    FIRST.with(|_| {});
                    use_allocator();
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("no panic");
        }
    }
    // ORDERING: all threads that count were joined.
    assert_eq!(KEEPERS_DROPPED.load(Ordering::Relaxed), 3 * THREADS);
    Cenote::check();
}

/// The value of a pthread key; its destructor sets the key again, as long as glibc calls it.
struct KeyValue {
    key: libc::pthread_key_t,
    calls_left: usize,
    parcel: *mut Parcel,
}

static KEY_DESTRUCTORS_CALLED: AtomicUsize = AtomicUsize::new(0);

fn key_rounds() -> usize {
    // SAFETY: no precondition.
    let rounds = unsafe { libc::sysconf(libc::_SC_THREAD_DESTRUCTOR_ITERATIONS) };
    usize::try_from(rounds).expect("glibc has a limit")
}

fn new_key() -> libc::pthread_key_t {
    let mut key = 0;
    // SAFETY: `key` is a live local; all values of the key come from `set_key`, as the destructor expects.
    let error = unsafe { libc::pthread_key_create(&mut key, Some(destroy_key_value)) };
    assert_eq!(error, 0);
    key
}

fn set_key(key: libc::pthread_key_t, calls_left: usize) {
    let value = Box::new(KeyValue { key, calls_left, parcel: Parcel::make(500, 64, 2) });
    // SAFETY: `new_key` made the key; its old value was freed or there was none.
    let error = unsafe { libc::pthread_setspecific(key, Box::into_raw(value).cast()) };
    assert_eq!(error, 0);
}

extern "C" fn destroy_key_value(value: *mut c_void) {
    // SAFETY: values come from `set_key`, and pthreads passes each to one destructor.
    let value = unsafe { Box::from_raw(value.cast::<KeyValue>()) };
    // SAFETY: made in `set_key`, and in no other hands.
    unsafe { Parcel::open(value.parcel) };
    use_allocator();
    // ORDERING: joining the thread publishes the count.
    KEY_DESTRUCTORS_CALLED.fetch_add(1, Ordering::Relaxed);
    if value.calls_left > 1 {
        set_key(value.key, value.calls_left - 1);
    }
}

/// Late in the life of many threads blocks are taken and freed; that they are used again shows in the
/// resident set.
#[test]
fn destructors_of_pthread_keys_allocate_and_set_their_key_again() {
    const THREADS: usize = 600;
    const KEYS: usize = 6;
    /// Well below what all these threads take.
    const LEAK_BYTES: usize = 128 << 20;

    // ORDERING: stored before this thread was made.
    let early = EARLY_KEY.load(Ordering::Relaxed);
    let keys: Vec<_> = (1..KEYS).map(|_| new_key()).chain([early]).collect();
    let before = resident_bytes();
    for thread_number in 0..THREADS {
        let keys = keys.clone();
        thread::spawn(move || {
            // Some threads have nothing from the allocator until they end.
            if thread_number % 2 == 0 {
                use_allocator();
            }
            for key in keys {
                set_key(key, key_rounds());
            }
        })
        .join()
        .expect("no panic");
    }
    // ORDERING: all threads that count were joined.
    assert_eq!(KEY_DESTRUCTORS_CALLED.load(Ordering::Relaxed), THREADS * KEYS * key_rounds());
    Cenote::check();
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < LEAK_BYTES, "{grown} bytes stay after the threads have gone");
}

/// Blocks that the exit handlers free.
static LEFT_FOR_EXIT: Exchange<100> = Exchange::new();

/// Destroyed when the main thread ends.
struct MainThreadLocal(*mut Parcel);

impl Drop for MainThreadLocal {
    fn drop(&mut self) {
        use_allocator();
        // SAFETY: made below, and in no other hands.
        unsafe { Parcel::open(self.0) };
        report("main thread-local destroyed\n");
    }
}

thread_local! {
    static MAIN_THREAD_LOCAL: MainThreadLocal = MainThreadLocal(Parcel::make(10_000, 1, 3));
}

extern "C" fn at_exit() {
    LEFT_FOR_EXIT.clear();
    use_allocator();
    for place in 0..50 {
        LEFT_FOR_EXIT.trade(place, Parcel::make(place * 100, 1, 4));
    }
    Cenote::check();
    report("exit handler done\n");
}

/// Writes without the standard library, which may be gone already.
fn report(line: &str) {
    // SAFETY: the bytes are live.
    let written = unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
    assert_eq!(written, line.len() as isize);
}

#[test]
fn exit_handlers_allocate() {
    if reexec::message().is_none() {
        let reports = reexec::succeed(&mut reexec::child("exit_handlers_allocate", "exit"));
        // With musl, the standard library does not destroy the main thread's.
        let destroyed = usize::from(!cfg!(target_env = "musl"));
        assert_eq!(reports.matches("main thread-local destroyed\n").count(), destroyed, "{reports}");
        assert_eq!(reports.matches("exit handler done\n").count(), 2, "{reports}");
        return;
    }
    thread::spawn(|| {
        for place in 0..100 {
            LEFT_FOR_EXIT.trade(place, Parcel::make(place * 300, 16, 5));
        }
    })
    .join()
    .expect("no panic");
    // SAFETY: `at_exit` may be called at any time.
    assert_eq!(unsafe { libc::atexit(at_exit) }, 0);
}
