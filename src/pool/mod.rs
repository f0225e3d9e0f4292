//! Pools: runs of slices cut into blocks of one size class. Also runs: slices that are one block.
//!
//! All metadata lies out of line in flat arrays indexed by slice: a word that says what the slice is ([`SliceWord`]), and
//! those of a pool, which hold its descriptor ([`Pool`]) and behind it a bitmap, the pool's free list. Whole pools are usable
//! by blocks, overflows of blocks cannot reach the metadata, and a free block's memory is never touched.
//!
//! This layer knows no thread: who may call what is the heap layer's business.

mod descriptor;
#[cfg(feature = "raw")]
mod reach;
mod slice_word;

pub(crate) use descriptor::{FreeLists, Misuse, Pool, Taken};
#[cfg(feature = "raw")]
pub(crate) use reach::Reach;
pub(crate) use slice_word::{KINDS, Kind, SliceWord, kind_number};

use crate::base::config::*;
use crate::os::Region;
use crate::sync::{AtomicU8, Guard, Lock, Ordering, Signpost};

/// One arena's worth of block memory.
#[repr(C, align(16384))]
pub(crate) struct ArenaMemory([u8; ARENA_BYTES]);

/// The metadata of one slice. The first one's of a pool or run starts with its descriptor; a pool's free list takes the rest, and
/// that of its other slices.
pub(crate) type Metadata = [u64; METADATA_WORDS];
/// The free-list words of one slice in a pool of a tiny class.
pub(crate) type TinyWords = [u64; TINY_WORDS_PER_SLICE];

/// Block memory, by arena; the other arrays of this layer grow with it.
pub(crate) static MEMORY: Region<ArenaMemory> = Region::new();
pub(crate) static WORDS: Region<Signpost> = Region::new();
/// Of each slice's word the number of its kind alone, for those who know nothing else of a block: 64 slices share a
/// cache line.
pub(crate) static KIND_NUMBERS: Region<AtomicU8> = Region::new();
pub(crate) static METADATA: Region<Metadata> = Region::new();
pub(crate) static TINY_BITS: Region<TinyWords> = Region::new();

/// The address of a slice's first byte.
#[inline]
pub(crate) fn address_of(slice: u32) -> *mut u8 {
    MEMORY.base().cast::<u8>().wrapping_add((slice as usize) << SLICE_SHIFT)
}

/// The slice that `address` lies in, if it lies in the accessible part of the reservation.
#[inline]
pub(crate) fn slice_of(address: *const u8) -> Option<u32> {
    let offset = (address as usize).wrapping_sub(MEMORY.base() as usize);
    (offset < MEMORY.ready() as usize * ARENA_BYTES).then_some((offset >> SLICE_SHIFT) as u32)
}

#[inline]
fn signpost(slice: u32) -> &'static Signpost {
    debug_assert!(slice < WORDS.ready());
    // SAFETY: `slice` is below `ready`, so its word is accessible, and it is only ever used as a signpost.
    unsafe { &*WORDS.at(slice) }
}

/// What `slice` is now. The owner of a pool may change meanwhile; then the old owner passes blocks on.
#[inline]
pub(crate) fn word_of(slice: u32) -> SliceWord {
    SliceWord::from_bits(signpost(slice).read())
}

/// Says what `slice` is from now on. Nobody has a block in it.
#[inline]
pub(crate) fn set_word(slice: u32, word: SliceWord) {
    // ORDERING: Relaxed: whoever has a block in the slice got it from somebody who has seen this.
    kind_byte(slice as usize).store(word.kind_number(), Ordering::Relaxed);
    signpost(slice).write(word.to_bits());
}

/// `slice` is below [`KIND_NUMBERS`]`.ready()`.
#[inline(always)]
fn kind_byte(slice: usize) -> &'static AtomicU8 {
    debug_assert!(slice < KIND_NUMBERS.ready() as usize);
    // SAFETY: the caller's: the byte is accessible, and it is only ever used as an atomic.
    unsafe { &*KIND_NUMBERS.base().wrapping_add(slice) }
}

/// The number of the kind of `slice`, as `Reach` tells it.
pub(crate) fn kind_number_of(slice: u32) -> u8 {
    // ORDERING: Relaxed: as for `set_word`.
    kind_byte(slice as usize).load(Ordering::Relaxed)
}

/// See [`Signpost::lock`].
pub(crate) fn lock_owner<T>(
    slice: u32,
    lock_of: impl Fn(SliceWord) -> &'static Lock<T>,
) -> (SliceWord, Guard<'static, T>) {
    let (word, guard) = signpost(slice).lock(|word| lock_of(SliceWord::from_bits(word)));
    (SliceWord::from_bits(word), guard)
}

/// The descriptor of the pool whose first slice is `slice`.
///
/// # Safety
/// The caller holds the lock of the pool's heap, or is the only one that knows of the pool, and no other reference to this
/// descriptor is in use.
#[inline]
pub(crate) unsafe fn pool_at<'a>(slice: u32) -> &'a mut Pool {
    // SAFETY: metadata grows with the arenas, and what a pool's starts with is a `Pool`, or about to become one.
    unsafe { &mut *METADATA.at(slice).cast() }
}

/// The descriptor of a run. No reference to one is made, since one part of it changes under a lock, the other without.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Run {
    /// Slices, and the class that the block has all the same: it then *stands in* for one of a pool. For who has the block, or
    /// destroys the heap.
    slices: u32,
    class: Option<u8>,
    /// Links in the owner's list of all runs. Under the owner's lock.
    pub(crate) previous: u32,
    pub(crate) next: u32,
}

const _: () = assert!(size_of::<Run>() <= size_of::<Metadata>());

/// The descriptor of the run whose first slice is `slice`.
pub(crate) fn run_at(slice: u32) -> *mut Run {
    METADATA.at(slice).cast()
}

/// Whether a run starts in `slice`, and at `address`.
pub(crate) fn run_starts_at(slice: u32, address: *mut u8) -> bool {
    word_of(slice).kind() == Kind::Run && address_of(slice) == address
}

/// Slices of the run that starts at `first`.
///
/// # Safety
/// The run is the caller's: it has the block, or the heap that is being destroyed.
pub(crate) unsafe fn run_slices(first: u32) -> u32 {
    // SAFETY: metadata grows with the arenas, and this is the caller's.
    unsafe { (*run_at(first)).slices }
}

/// The class for which the run that starts at `first` stands in, if it does.
///
/// # Safety
/// As for [`run_slices`].
pub(crate) unsafe fn run_class(first: u32) -> Option<usize> {
    // SAFETY: as there.
    unsafe { (*run_at(first)).class }.map(usize::from)
}

/// Sets what [`run_slices`] and [`run_class`] tell.
///
/// # Safety
/// As for them.
pub(crate) unsafe fn set_run(first: u32, slices: u32, class: Option<usize>) {
    // SAFETY: as there.
    unsafe {
        (*run_at(first)).slices = slices;
        (*run_at(first)).class = class.map(|class| class as u8);
    }
}

/// Makes `slices` slices from `first` on a pool of `class` for heap `owner`.
///
/// # Safety
/// The caller has taken the slices from the arenas; `clean` tells whether all of them are clean and stay so until used.
pub(crate) unsafe fn create(first: u32, slices: u32, class: usize, owner: u32, clean: bool) {
    // SAFETY: nobody else knows of the slices yet.
    let pool = unsafe { pool_at(first) };
    *pool = Pool::new(slices, class, clean);
    pool.clear();
    for offset in 0..pool.slices() {
        set_word(first + offset, SliceWord::pool(owner, class, offset));
    }
}

/// Says whose `pool` is from now on. Its kind stays, whose number others may be reading as plain memory.
pub(crate) fn set_owner(pool: &Pool, owner: u32) {
    for offset in 0..pool.slices() {
        signpost(pool.first() + offset).write(SliceWord::pool(owner, pool.class(), offset).to_bits());
    }
}

/// Forgets a pool or run of `slices` slices, before its slices go back to the arenas.
pub(crate) fn forget(first: u32, slices: u32) {
    for slice in first..first + slices {
        set_word(slice, SliceWord::FREE);
    }
}
