//! Which bytes of the address space belong to a live block.
//!
//! Two bits stand for each byte of memory: *live*, and *first* of its block. They lie in leaves that are mapped from the
//! kernel as addresses turn up, so that no allocator is asked for them. The kernel fills a leaf with zeros and gives it
//! memory only where it is written.
//!
//! Claiming a byte is one atomic operation for the bits of a word: of two blocks that share a byte, one finds the other's
//! bit, whichever threads they come from.
//!
//! # Invariants
//! 1. A leaf in `ROOT` stays mapped for good.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// The addresses that user programs have: no more on 64-bit Linux unless a program asks the kernel for them.
const ADDRESS_BITS: u32 = 48;
/// The addresses that one leaf covers.
const LEAF_BITS: u32 = 28;
/// Words of 64 bits in each half of a leaf.
const LEAF_WORDS: usize = 1 << (LEAF_BITS - 6);

struct Leaf {
    live: [AtomicU64; LEAF_WORDS],
    first: [AtomicU64; LEAF_WORDS],
}

static ROOT: [AtomicPtr<Leaf>; 1 << (ADDRESS_BITS - LEAF_BITS)] =
    [const { AtomicPtr::new(ptr::null_mut()) }; 1 << (ADDRESS_BITS - LEAF_BITS)];

/// Whether a block may lie at these addresses at all.
pub fn covers(start: usize, size: usize) -> bool {
    start.checked_add(size).is_some_and(|end| end <= 1 << ADDRESS_BITS)
}

/// Makes the bytes from `start` live, as one block.
///
/// # Errors
/// An address that a live block has already.
pub fn claim(start: usize, size: usize) -> Result<(), usize> {
    let mut taken = None;
    words(start, size, |leaf, word, mask, base| {
        // ORDERING: AcqRel: a claim comes after the release of the same bytes; pairs with `release`.
        let before = leaf.live[word].fetch_or(mask, Ordering::AcqRel) & mask;
        if before != 0 && taken.is_none() {
            taken = Some(base + before.trailing_zeros() as usize);
        }
    });
    words(start, 1, |leaf, word, mask, _| {
        // ORDERING: Relaxed: the claimed bytes are this thread's until it passes the block on.
        leaf.first[word].fetch_or(mask, Ordering::Relaxed);
    });
    taken.map_or(Ok(()), Err)
}

/// Ends the life of the block of `size` bytes at `start`.
///
/// # Errors
/// When a part of it is not live, or it is not of one block, from its first byte.
pub fn release(start: usize, size: usize) -> Result<(), &'static str> {
    let (mut starts, mut firsts, mut all_live) = (false, 0, true);
    words(start, size, |leaf, word, mask, base| {
        // ORDERING: Relaxed: the block belongs to the thread that frees it, which came by it in order.
        let first = leaf.first[word].fetch_and(!mask, Ordering::Relaxed) & mask;
        starts |= base <= start && first >> (start - base) & 1 != 0;
        firsts += first.count_ones();
        // ORDERING: AcqRel: the checks of the block come before the next claim of its bytes; pairs with `claim`.
        all_live &= leaf.live[word].fetch_and(!mask, Ordering::AcqRel) & mask == mask;
    });
    match () {
        () if !all_live => Err("it is not a live block as a whole"),
        () if !starts => Err("it begins inside a live block"),
        () if firsts > 1 => Err("it holds more than one live block"),
        () => Ok(()),
    }
}

/// Calls `visit` with each word of bits for the bytes from `start`: its leaf, its index, a mask, and the address of its
/// lowest bit.
fn words(start: usize, size: usize, mut visit: impl FnMut(&Leaf, usize, u64, usize)) {
    let end = start + size;
    let mut at = start;
    while at < end {
        let base = at & !63;
        let next = end.min(base + 64);
        let mask = u64::MAX >> (64 - (next - at)) << (at - base);
        visit(leaf(at), (at & ((1 << LEAF_BITS) - 1)) >> 6, mask, base);
        at = next;
    }
}

/// The leaf that covers `address`.
fn leaf(address: usize) -> &'static Leaf {
    let slot = &ROOT[address >> LEAF_BITS];
    // ORDERING: Acquire: the mapping is there; pairs with the exchange below.
    let known = slot.load(Ordering::Acquire);
    // SAFETY: invariant 1.
    if let Some(leaf) = unsafe { known.as_ref() } {
        return leaf;
    }
    // SAFETY: a fresh anonymous mapping at an address of the kernel's choice touches no memory in use.
    let fresh = unsafe {
        libc::mmap(
            ptr::null_mut(),
            size_of::<Leaf>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    assert_ne!(fresh, libc::MAP_FAILED, "no address space left to check blocks with");
    // ORDERING: AcqRel: publishes the mapping, or sees that of the thread that was first; pairs with the load above.
    match slot.compare_exchange(ptr::null_mut(), fresh.cast(), Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: a mapping of a leaf's size, zeros, which is the empty leaf; it stays for good from now on.
        Ok(_) => unsafe { &*fresh.cast() },
        Err(first) => {
            // SAFETY: nobody else knows of this mapping.
            unsafe { libc::munmap(fresh, size_of::<Leaf>()) };
            // SAFETY: invariant 1.
            unsafe { &*first }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each test has addresses of its own; the table does not care that nothing is there.
    const BASE: usize = 1 << 40;

    #[test]
    fn finds_every_overlap() {
        for (size, other, other_size) in [(64, 63, 1), (1, 0, 1), (1000, 500, 10_000), (200, 0, 200), (64, 10, 20)] {
            claim(BASE, size).expect("free");
            assert_eq!(claim(BASE + other, other_size), Err(BASE + other));
            let _ = release(BASE, size);
            let _ = release(BASE + other, other_size);
        }
    }

    #[test]
    fn neighbours_across_a_leaf_live_apart() {
        let edge = 2 * BASE + (1 << LEAF_BITS);
        claim(edge - 100, 100).expect("free");
        claim(edge, 77).expect("free");
        claim(edge - 101, 1).expect("free");
        assert_eq!(claim(edge - 1, 2), Err(edge - 1));
    }

    #[test]
    fn only_live_blocks_are_released() {
        let base = 3 * BASE;
        for (start, size) in [(base, 101), (base + 1, 99), (base + 500, 8)] {
            claim(base, 100).expect("free");
            assert!(release(start, size).is_err(), "{start:x} {size}");
            let _ = release(base, 100);
        }
        for _ in 0..2 {
            claim(base, 100).expect("free");
            release(base, 100).expect("live");
        }
        assert!(release(base, 100).is_err());
    }
}
