//! Where memory ends: requests fail with null, nothing crashes, and what is freed serves again.
//!
//! Each test runs in a new process whose address space is limited from its first instruction on.

use std::alloc::{GlobalAlloc, Layout};
use std::io;
use std::os::unix::process::CommandExt;
use std::ptr;

use allocator_api2::alloc::Allocator;
use cenote::{Cenote, Heap};

#[path = "common/pattern.rs"]
mod pattern;
#[path = "common/reexec.rs"]
mod reexec;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// A child that hangs so long is killed: a panic without memory can end so.
const CHILD_SECONDS: u32 = 120;

/// Whatever the program, its stacks and the allocator's reserve take, so much must be left for blocks.
const USABLE_FRACTION: usize = 8;

/// Runs a test under a limit, in the child that the parent makes of it.
fn under_limit(test: &str, limit: usize, body: impl FnOnce(usize)) {
    if let Some(message) = reexec::message() {
        assert_eq!(message, limit.to_string());
        return body(limit);
    }
    let mut child = reexec::child(test, &limit.to_string());
    // A backtrace takes more memory than there is; so does a glibc arena for a thread, beneath large blocks.
    child.env("RUST_BACKTRACE", "0").env("MALLOC_ARENA_MAX", "1");
    let limit = libc::rlimit { rlim_cur: limit as u64, rlim_max: limit as u64 };
    // SAFETY: the closure only makes system calls, which are allowed after a fork.
    unsafe {
        child.pre_exec(move || {
            libc::alarm(CHILD_SECONDS);
            match libc::setrlimit(libc::RLIMIT_AS, &limit) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        });
    }
    reexec::succeed(&mut child);
}

/// A block that knows the one before, so that holding many takes no other memory.
struct Node {
    previous: *mut Node,
    number: u64,
}

/// Blocks of one size.
struct Blocks {
    last: *mut Node,
    count: usize,
    size: usize,
}

impl Blocks {
    /// Bytes of each block that are written and verified after its head.
    const PATTERN_BYTES: usize = 200;

    fn layout(&self) -> Layout {
        Layout::from_size_align(self.size, align_of::<Node>()).expect("valid")
    }

    fn pattern_bytes(&self) -> usize {
        (self.size - size_of::<Node>()).min(Self::PATTERN_BYTES)
    }

    /// Takes blocks until there are no more.
    fn exhaust(size: usize) -> Self {
        let mut blocks = Self { last: ptr::null_mut(), count: 0, size };
        loop {
            // SAFETY: the layout has a size.
            let node = unsafe { GLOBAL.alloc(blocks.layout()) }.cast::<Node>();
            if node.is_null() {
                return blocks;
            }
            blocks.count += 1;
            let number = blocks.count as u64;
            // SAFETY: the block is ours, and large enough and aligned for a node.
            unsafe { node.write(Node { previous: blocks.last, number }) };
            // SAFETY: the block is ours, and has so many bytes after its head.
            unsafe { pattern::fill(node.add(1).cast(), blocks.pattern_bytes(), number) };
            blocks.last = node;
        }
    }

    fn bytes(&self) -> usize {
        self.count * self.size
    }

    /// Verifies all blocks, and frees those that are `unwanted` by their number.
    fn free_if(&mut self, unwanted: impl Fn(u64) -> bool) {
        let mut node = self.last;
        let mut kept = ptr::null_mut::<Node>();
        self.last = ptr::null_mut();
        while !node.is_null() {
            // SAFETY: nodes in the list are live.
            let Node { previous, number } = unsafe { node.read() };
            // SAFETY: `exhaust` filled so many bytes after the head.
            unsafe { pattern::verify(node.add(1).cast(), self.pattern_bytes(), number) };
            if unwanted(number) {
                // SAFETY: allocated in `exhaust` with this layout, and no longer in the list.
                unsafe { GLOBAL.dealloc(node.cast(), self.layout()) };
                self.count -= 1;
            } else if kept.is_null() {
                self.last = node;
                kept = node;
            } else {
                // SAFETY: `kept` is live.
                unsafe { (*kept).previous = node };
                kept = node;
            }
            node = previous;
        }
        if !kept.is_null() {
            // SAFETY: `kept` is live, and the last of the list.
            unsafe { (*kept).previous = ptr::null_mut() };
        }
    }
}

/// Whether requests for more than there is fail.
fn requests_beyond_fail(limit: usize) -> bool {
    let beyond = Layout::from_size_align(2 * limit, 16).expect("valid");
    // SAFETY: the layout has a size.
    unsafe { GLOBAL.alloc_zeroed(beyond) }.is_null()
        && Cenote.allocate(beyond).is_err()
        && Vec::<u8>::new().try_reserve_exact(beyond.size()).is_err()
}

/// Takes all memory in blocks of each size in turn. Asserts when there is memory again, for a panic needs some.
fn exhaust_again_and_again(limit: usize, sizes: &[usize]) {
    for &size in sizes {
        let mut blocks = Blocks::exhaust(size);
        let (first_count, first_bytes) = (blocks.count, blocks.bytes());
        let beyond_fail = requests_beyond_fail(limit);
        Cenote::purge();
        Cenote::check();

        blocks.free_if(|number| number % 2 == 0);
        let mut second = Blocks::exhaust(size);
        let second_count = second.count;
        second.free_if(|_| true);
        blocks.free_if(|_| true);

        assert_eq!((second.count, blocks.count), (0, 0));
        assert!(beyond_fail);
        assert!(first_bytes >= limit / USABLE_FRACTION, "only {first_count} blocks of {size}");
        assert!(
            second_count >= first_count / 4,
            "{first_count} blocks of {size}, half of them freed, make room for only {second_count}"
        );
        let text: Vec<String> = (0..100).map(|i| i.to_string()).collect();
        assert_eq!(text.concat().len(), 190);
        Cenote::check();
    }
}

#[test]
fn all_of_64_mib() {
    under_limit("all_of_64_mib", 64 * MIB, |limit| {
        exhaust_again_and_again(limit, &[32, 300, 2000, 20_000, 100 * KIB, 300 * KIB, MIB, 48]);
    });
}

#[test]
fn all_of_256_mib() {
    under_limit("all_of_256_mib", 256 * MIB, |limit| {
        exhaust_again_and_again(limit, &[128, 5000, 40_000, 300 * KIB, 3 * MIB, 500]);
    });
}

#[test]
fn all_of_1_gib() {
    under_limit("all_of_1_gib", 1024 * MIB, |limit| {
        exhaust_again_and_again(limit, &[4000, 33_000, 2 * MIB, 20 * MIB, 1024]);
    });
}

#[test]
fn a_block_that_cannot_grow_is_kept() {
    under_limit("a_block_that_cannot_grow_is_kept", 128 * MIB, |limit| {
        for size in [10, 1000, 30_000, 500 * KIB] {
            let layout = Layout::from_size_align(size, 8).expect("valid");
            // SAFETY: the layout has a size.
            let start = unsafe { GLOBAL.alloc(layout) };
            assert!(!start.is_null());
            // SAFETY: the block is ours.
            unsafe { pattern::fill(start, size, 1) };
            let mut others = Blocks::exhaust(MIB);
            // SAFETY: allocated with this layout.
            let moved = unsafe { GLOBAL.realloc(start, layout, limit) };
            others.free_if(|_| true);
            assert!(moved.is_null());
            // SAFETY: a realloc that fails leaves the block as it was.
            unsafe { pattern::verify(start, size, 1) };
            // SAFETY: allocated with this layout.
            unsafe { GLOBAL.dealloc(start, layout) };
        }
    });
}

#[test]
#[cfg_attr(feature = "passthrough", ignore = "the system allocator has no heaps")]
fn a_heap_takes_all_and_gives_it_back() {
    under_limit("a_heap_takes_all_and_gives_it_back", 128 * MIB, |limit| {
        for size in [100, 5000, 50_000, MIB] {
            let layout = Layout::from_size_align(size, 8).expect("valid");
            let heap = Heap::new();
            let mut bytes = 0;
            while let Ok(block) = (&heap).allocate(layout) {
                // SAFETY: the block is ours.
                unsafe { block.cast::<u64>().write(1) };
                bytes += size;
            }
            assert!(bytes >= limit / USABLE_FRACTION, "{bytes} bytes in blocks of {size}");
            drop(heap);
            Cenote::check();
        }
    });
}
