//! The system refuses memory: allocation fails or falls back, never crashes, and goes on when there is memory again.

#![cfg(not(feature = "passthrough"))]

use allocator_api2::alloc::Allocator;
use cenote::{Cenote, Heap, usable_size};
use child::STILL;
use process::{hold, use_and_free};
use std::alloc::{GlobalAlloc, Layout};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;
use std::time::Duration;

#[path = "common/child.rs"]
mod child;
#[path = "common/process.rs"]
mod process;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

const SIZES: [usize; 8] = [8, 100, 1000, 5000, 30_000, 100_000, 3 * MIB, 40 * MIB];

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("a valid layout")
}

/// A block that is filled with its number.
struct Block {
    start: *mut u8,
    layout: Layout,
    fill: u8,
}

/// The blocks of a program that takes what it gets. Their list has its place from the start.
struct Blocks {
    list: Vec<Block>,
    refusals: usize,
}

impl Blocks {
    fn new() -> Self {
        Self { list: Vec::with_capacity(100_000), refusals: 0 }
    }

    /// Whether there was memory.
    fn take(&mut self, size: usize, zeroed: bool) -> bool {
        // No block, list and all, moves after this.
        assert!(self.list.len() < self.list.capacity());
        let layout = layout(size);
        // SAFETY: no size here is zero.
        let start = unsafe { if zeroed { GLOBAL.alloc_zeroed(layout) } else { GLOBAL.alloc(layout) } };
        if start.is_null() {
            self.refusals += 1;
            return false;
        }
        let fill = self.list.len() as u8 | 1;
        // All that a caller may use, by `usable_size`.
        let bytes = usable_size(layout);
        // SAFETY: the block is ours.
        unsafe {
            assert!(!zeroed || hold(std::slice::from_raw_parts(start, size), 0));
            start.write_bytes(fill, bytes);
        }
        self.list.push(Block { start, layout, fill });
        true
    }

    /// Makes a block longer or shorter, if there is memory.
    fn resize(&mut self, index: usize, size: usize) {
        let block = &mut self.list[index];
        // SAFETY: allocated with this layout; the new size is not zero.
        let start = unsafe { GLOBAL.realloc(block.start, block.layout, size) };
        if start.is_null() {
            self.refusals += 1;
            return;
        }
        // SAFETY: the block is ours in its new place.
        unsafe {
            let kept = std::slice::from_raw_parts(start, size.min(block.layout.size()));
            assert!(hold(kept, block.fill));
            start.write_bytes(block.fill, usable_size(layout(size)));
        }
        (block.start, block.layout) = (start, layout(size));
    }

    /// Verifies and frees all blocks.
    fn free(&mut self) {
        for Block { start, layout, fill } in self.list.drain(..) {
            // SAFETY: the block is ours, and was allocated with this layout.
            unsafe {
                assert!(hold(std::slice::from_raw_parts(start, usable_size(layout)), fill));
                GLOBAL.dealloc(start, layout);
            }
        }
    }

    /// Takes blocks of all sizes until it gets none, and so for each size; but never more than `limit` bytes.
    fn take_all(&mut self, limit: usize) {
        let mut left = limit;
        for size in SIZES.into_iter().rev() {
            // Not all of it, since small blocks would take all day.
            let most = (left / size).min(2000);
            let taken = (0..most).take_while(|n| self.take(size, n % 5 == 0)).count();
            left -= taken * size;
        }
    }

    /// Uses the allocator up and down.
    fn exercise(&mut self, limit: usize) {
        self.take_all(limit);
        for index in (0..self.list.len()).step_by(3) {
            let size = self.list[index].layout.size();
            self.resize(index, if index % 2 == 0 { size * 3 / 2 + 1 } else { size / 2 + 1 });
        }
        let heap = Heap::new();
        for size in SIZES {
            if let Ok(block) = (&heap).allocate(layout(size)) {
                // SAFETY: the block is ours.
                unsafe { block.cast::<u8>().write_bytes(1, block.len()) };
            }
        }
        drop(heap);
        Cenote::purge();
        self.free();
        Cenote::purge();
        Cenote::check();
    }

    /// Panics unless there is memory of all kinds.
    fn assert_service(&mut self) {
        for size in SIZES {
            for n in 0..(2 * MIB / size).clamp(1, 500) {
                assert!(self.take(size, n % 2 == 0), "{size}");
            }
        }
        self.free();
        Cenote::check();
    }
}

/// Bytes of address space that the process has.
fn address_space() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux has statm");
    let pages: u64 = statm.split(' ').next().expect("the first").parse().expect("a number");
    // SAFETY: no preconditions.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64
}

fn data_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:")).expect("Linux tells");
    line.trim_end_matches("kB").trim().parse::<u64>().expect("a number") * KIB as u64
}

/// Whether all other threads of the process wait for something.
fn others_sleep() -> bool {
    // SAFETY: no preconditions.
    let me = unsafe { libc::gettid() }.to_string();
    let threads = std::fs::read_dir("/proc/self/task").expect("Linux lists threads").flatten();
    threads.filter(|thread| thread.file_name() != me.as_str()).all(|thread| {
        // A thread that has just ended sleeps well.
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, fields)| fields.starts_with('S'))
    })
}

#[cfg(target_env = "gnu")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type Resource = libc::c_int;

/// Sets the soft limit on a resource.
fn limit(resource: Resource, bytes: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: `limit` is a valid place to read from.
    if unsafe { libc::setrlimit(resource, &limit) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Does `body` under a soft limit on a resource.
///
/// The test harness's own thread allocates until it waits for the test, and cannot do without.
fn with_limit(resource: Resource, bytes: u64, body: impl FnOnce()) {
    while !others_sleep() {
        thread::sleep(Duration::from_millis(1));
    }
    limit(resource, bytes).expect("limits can be lowered");
    body();
    limit(resource, libc::RLIM_INFINITY).expect("soft limits can be raised again");
}

/// The limit on data counts what is made accessible, whatever is reserved: growth of all arrays is refused.
#[test]
fn growth_is_refused_for_a_while() {
    for options in [&[][..], &[("PURGE", "inline"), ("RETAIN", "0")], &[("VERIFY", "2")]] {
        child::run("growth_is_refused_for_a_while", options, || {
            let mut blocks = Blocks::new();
            for round in 0..3 {
                let before = data_bytes();
                with_limit(libc::RLIMIT_DATA, before + round * 3 * MIB as u64, || blocks.exercise(64 * MIB));
                assert!(blocks.refusals > 0, "round {round}");
                blocks.refusals = 0;
                blocks.assert_service();
            }
        })
        .assert_silent();
    }
}

/// Threads start, allocate and end while nothing can grow: they have no heap, or one without magazines.
#[test]
fn threads_do_without() {
    child::run("threads_do_without", &[], || {
        let mut blocks = Blocks::new();
        blocks.assert_service();
        extern "C" fn body(_: *mut libc::c_void) -> *mut libc::c_void {
            let mut kept = Vec::new();
            for size in SIZES.into_iter().cycle().take(400) {
                let mut block = Vec::<u8>::new();
                if block.try_reserve_exact(size).is_ok() && kept.try_reserve(1).is_ok() {
                    block.resize(size.min(1000), 1);
                    kept.push(block);
                }
                if kept.len() > 50 {
                    kept.clear();
                }
            }
            std::ptr::null_mut()
        }
        // Not std's, which panic when there is no memory for what they bring along.
        let threads = || {
            let spawn = || {
                let mut thread = MaybeUninit::uninit();
                // SAFETY: the attributes are initialised first; `body` takes no argument.
                let result = unsafe {
                    let mut attributes = std::mem::zeroed();
                    libc::pthread_attr_init(&mut attributes);
                    libc::pthread_attr_setstacksize(&mut attributes, 64 * KIB);
                    libc::pthread_create(thread.as_mut_ptr(), &attributes, body, std::ptr::null_mut())
                };
                // A stack needs memory too, so there may be no thread; that is not the allocator's business.
                // SAFETY: written by the call if it was successful.
                (result == 0).then(|| unsafe { thread.assume_init() })
            };
            let threads = [(); 4].map(|()| spawn());
            for thread in threads.into_iter().flatten() {
                // SAFETY: the thread is joinable, and joined once.
                assert_eq!(unsafe { libc::pthread_join(thread, std::ptr::null_mut()) }, 0);
            }
        };
        for slack in [0, 1, 2, 4, 8] {
            with_limit(libc::RLIMIT_DATA, data_bytes() + slack * 512 * KIB as u64, threads);
            threads();
            blocks.assert_service();
        }
    })
    .assert_silent();
}

/// The limit on address space is lowered below the reservation: what is reserved can still be used.
#[test]
fn address_space_is_used_up_for_a_while() {
    child::run("address_space_is_used_up_for_a_while", &[], || {
        let mut blocks = Blocks::new();
        blocks.assert_service();
        with_limit(libc::RLIMIT_AS, address_space(), || {
            // Above the longest run each block needs a mapping of its own.
            blocks.exercise(200 * MIB);
        });
        assert!(blocks.refusals > 0);
        blocks.assert_service();
        with_limit(libc::RLIMIT_AS, 0, || {
            // Nothing can be mapped, not even in the place of something.
            blocks.refusals = 0;
            blocks.exercise(200 * MIB);
        });
        assert!(blocks.refusals > 0);
        blocks.assert_service();
    })
    .assert_silent();
}

/// The process has little address space from its start, so that the reservation is small, and used up.
#[test]
fn a_small_reservation_is_used_up() {
    const NAME: &str = "a_small_reservation_is_used_up";
    for mib in [64, 200, 700] {
        let prepare = |command: &mut Command| {
            let set = move || limit(libc::RLIMIT_AS, (mib * MIB) as u64);
            // SAFETY: setting a limit is fine between fork and exec.
            unsafe { command.pre_exec(set) };
        };
        child::run_prepared(NAME, &[], &mib.to_string(), prepare, || {
            let reserved = Cenote::stats().reserved_bytes;
            assert!(reserved <= mib * MIB / 2, "{reserved} of {mib} MiB");
            let mut blocks = Blocks::new();
            blocks.exercise(mib * MIB);
            assert!(blocks.refusals > 0);
            // Not the large ones: there may be no such hole left.
            for size in SIZES.into_iter().take(6) {
                assert!((0..100).all(|_| blocks.take(size, false)), "{size}");
            }
            blocks.free();
            Cenote::check();
        })
        .assert_silent();
    }
}

/// From now on the given system calls fail with `ENOMEM` in this thread, for good.
fn refuse(calls: &[libc::c_long]) {
    let instruction = |code: u32, jump_if_equal: usize, k: u32| libc::sock_filter {
        code: code as u16,
        jt: jump_if_equal as u8,
        jf: 0,
        k,
    };
    // The number of the call comes first in what the filter sees.
    let mut program = vec![instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0)];
    for (index, &call) in calls.iter().enumerate() {
        // Past the other comparisons and the permission.
        let distance = calls.len() - index;
        program.push(instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, distance, call as u32));
    }
    program.push(instruction(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW));
    program.push(instruction(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ERRNO | libc::ENOMEM as u32));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the filter is well formed, and lives as long as the calls.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &filter), 0);
    }
}

/// What cannot be given back stays, and is used again.
#[test]
fn purging_is_refused() {
    for options in [&[("PURGE", "inline"), ("RETAIN", "0")], &[("PURGE", "off"), ("VERIFY", "1")]] {
        child::run("purging_is_refused", options, || {
            let mut blocks = Blocks::new();
            use_and_free(1000, 8 * MIB);
            refuse(&[libc::SYS_madvise]);
            let kept = process::use_memory(700, 8 * MIB).into_iter().step_by(20).collect::<Vec<_>>();
            blocks.exercise(64 * MIB);
            assert_eq!(Cenote::purge(), 0);
            assert!(Cenote::stats().dirty_bytes > 0);
            assert_eq!(blocks.refusals, 0);
            blocks.assert_service();
            assert!(kept.iter().all(|block| hold(block, block[0])));
        })
        .assert_silent();
    }
}

/// No memory can be made accessible, and none mapped: there is what there was.
#[test]
fn everything_is_refused() {
    child::run("everything_is_refused", STILL, || {
        let mut blocks = Blocks::new();
        blocks.assert_service();
        refuse(&[libc::SYS_mmap, libc::SYS_mprotect, libc::SYS_madvise, libc::SYS_mremap]);
        // `brk` knows no error numbers, so a filter cannot refuse it.
        limit(libc::RLIMIT_DATA, 0).expect("limits can be lowered");
        blocks.exercise(200 * MIB);
        assert!(blocks.refusals > 0);
        // What there was can be used again.
        for size in SIZES.into_iter().take(6) {
            assert!((0..20).all(|_| blocks.take(size, true)), "{size}");
        }
        blocks.free();
        Cenote::check();
    })
    .assert_silent();
}

/// The first thing the program asks for is refused: there is no reservation, and the system allocator does it all.
#[test]
fn the_reservation_is_refused() {
    const NAME: &str = "the_reservation_is_refused";
    let prepare = |command: &mut Command| {
        let set = || limit(libc::RLIMIT_AS, 7 * MIB as u64);
        // SAFETY: setting a limit is fine between fork and exec.
        unsafe { command.pre_exec(set) };
    };
    child::run_prepared(NAME, &[], "", prepare, || {
        assert_eq!(Cenote::stats().reserved_bytes, 0);
        let mut blocks = Vec::new();
        for size in [8, 100, 1000, 30_000, 100_000] {
            blocks.push(vec![1_u8; size]);
        }
        assert!((&Heap::new()).allocate(layout(8)).is_err());
        drop(blocks);
        Cenote::purge();
        Cenote::check();
    })
    .assert_silent();
}
