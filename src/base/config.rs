//! The tunables, each with what breaks or changes when it does.

/// Pools start on multiples of this and are whole multiples of it: 16 KiB.
///
/// Smaller means more descriptors per byte; larger means that a class with one block in use ties up more address space.
pub(crate) const SLICE_SHIFT: u32 = 14;
pub(crate) const SLICE_BYTES: usize = 1 << SLICE_SHIFT;

/// Slices in an arena: one machine word of a record's bitmaps holds them all.
pub(crate) const ARENA_SLICES: u32 = 16;
pub(crate) const ARENA_BYTES: usize = SLICE_BYTES * ARENA_SLICES as usize;

/// A class that has pools of this many slices in a heap gets further ones that are at least so wide: there are fewer
/// descriptors to go through, and more memory waits for the last block of a pool to come home.
pub(crate) const WIDE_FROM_SLICES: u32 = ARENA_SLICES;
pub(crate) const WIDE_SLICES: u32 = 4;

/// Words of metadata that each slice has: those of a pool hold its descriptor and its free list, which bounds its blocks.
///
/// All of them are resident where any slice is in use. With two words less, pools of 48-byte blocks would have to be wider.
pub(crate) const METADATA_WORDS: usize = 10;
/// The words of them that are the descriptor.
pub(crate) const DESCRIPTOR_WORDS: usize = 4;
/// Words of free list for each slice of pools of the tiny classes, which have an array of their own.
pub(crate) const TINY_WORDS_PER_SLICE: usize = SLICE_BYTES / 8 / 64;

/// The smallest OS page there is. When all slices that have metadata in one are clean, it goes back too.
pub(crate) const SMALL_PAGE_BYTES: usize = 4 << 10;

/// Slots of a magazine, one of which always holds null. A power of two, since a magazine is aligned to its own size.
pub(crate) const MAGAZINE_SLOTS: usize = 128;

/// A magazine holds at most this many bytes of blocks, so that a thread's cache of large blocks stays small; but always a
/// few blocks.
pub(crate) const MAGAZINE_BYTES: usize = 32 << 10;

/// A depot holds, for each class, at most this many bytes of blocks and this many magazines.
pub(crate) const DEPOT_BYTES: usize = 256 << 10;
pub(crate) const DEPOT_MAGAZINES: usize = 128;
/// A depot of blocks of these sizes holds one magazine only. What many such classes keep, each for its busiest moment, adds
/// up to most of a program's memory; and their pools still have so many blocks that to flush and refill costs little.
pub(crate) const SHALLOW_DEPOTS: core::ops::RangeInclusive<usize> = 257..=1024;

/// Blocks a class's first refill takes; each refill doubles it up to a whole magazine, so a thread that needs few takes few.
pub(crate) const FIRST_REFILL_BLOCKS: usize = 8;

/// A thread's first blocks of a class come from pools that all threads share if they are at most this many bytes: more
/// would fill OS pages of their own anyway.
pub(crate) const SHARED_BYTES: usize = 4 << 10;

/// Blocks smaller than this may share a cache line.
pub(crate) const CACHE_LINE_BYTES: usize = 64;

/// Blocks of at most this many bytes that were never used are fetched into the cache as they come into a magazine.
pub(crate) const FETCH_MAX_BYTES: usize = 2 * CACHE_LINE_BYTES;

/// Magazines that may wait in a mailbox before the sender lends a hand to an owner that does not come to collect.
pub(crate) const MAILBOX_MAGAZINES: u32 = 64;

/// Runs of slices serve blocks up to here; above, the system allocator maps and unmaps each block by itself,
/// as glibc does from this size on whatever its adaptive threshold has become.
pub(crate) const RUN_MAX_BYTES: usize = 32 << 20;
pub(crate) const RUN_MAX_SLICES: u32 = (RUN_MAX_BYTES >> SLICE_SHIFT) as u32;
/// The strictest alignment that runs serve.
pub(crate) const RUN_MAX_ALIGN: usize = 2 << 20;

/// The address space asked for at first, halved until the system grants it, and the least that is of use.
pub(crate) const RESERVE_MAX_BYTES: usize = 1 << 40;
pub(crate) const RESERVE_MIN_BYTES: usize = 4 << 20;

/// Arenas that one huge page backs.
pub(crate) const HUGE_ARENAS: u32 = (RUN_MAX_ALIGN / ARENA_BYTES) as u32;
pub(crate) const HUGE_SLICES: u32 = HUGE_ARENAS * ARENA_SLICES;
/// Bytes in use for each heap from which on further chunks are backed by huge pages: the last of them may be nearly empty.
pub(crate) const HUGE_MIN_BYTES: usize = 5 << 19;
/// So many fifths of that are enough for the only heap: it alone fills the chunk.
pub(crate) const HUGE_MIN_ALONE_FIFTHS: usize = 3;
/// Pools that a class of a heap has when a further one counts as dense: sure to be filled.
pub(crate) const DENSE_MIN_POOLS: u32 = 4;
/// Magazines that such a heap has exchanged at most since its last pool was made: one that hardly grows may not fill the next.
pub(crate) const GROWTH_EXCHANGES: u32 = 256;
/// In place of [`DENSE_MIN_POOLS`], in a lean program.
pub(crate) const LEAN_DENSE_MIN_POOLS: u32 = 16;
/// Free memory that a lean program keeps.
pub(crate) const LEAN_RETAIN_BYTES: usize = 64 << 10;
/// Slices that a lean program purges at most as they become free, for clean ones that it took before.
pub(crate) const SWAP_OWED_SLICES: usize = (512 << 10) / SLICE_BYTES;
/// Blocks above this are not cached in a lean program: there are many such classes, and a thread that meets each of them
/// once would keep a few blocks of each.
pub(crate) const LEAN_CACHED_MAX_BYTES: usize = 512;
/// Bytes of such blocks, freed in one heap, from which on the OS pages that are free in their pools go back as it grows.
pub(crate) const LEAN_TRIM_BYTES: usize = 64 << 10;
/// A lean program's depots hold this part of what others hold.
pub(crate) const LEAN_DEPOT_PART: u16 = 16;
/// Zeroed runs of at most this many slices are made resident as they are taken: read before they are written to, each page
/// would cost two faults. Longer ones may be tables that stay sparse.
pub(crate) const POPULATE_ZEROED_MAX_SLICES: u32 = (1 << 20 >> SLICE_SHIFT) as u32;
/// Zeroed runs from this length on may be looked at when they are freed: shorter ones are cleared in less time than that takes.
pub(crate) const WATCHED_MIN_SLICES: u32 = ARENA_SLICES;
/// Zeroed runs of one length that a thread takes in a row as tables: further ones may hold smaller things.
pub(crate) const TABLES_MAX: u16 = 2;
/// Zeroed runs were hardly used if less than this part of them is resident.
pub(crate) const HARDLY_PART: usize = 4;

/// A run that grows gets room behind it, this many times its length: address space only.
pub(crate) const ROOM_FACTOR: u32 = 15;
/// Runs of fewer slices get it where memory is backed already. Elsewhere to copy them, in the processor's cache, costs less
/// than the page faults of the room.
pub(crate) const ROOMY_MIN_SLICES: u32 = ARENA_SLICES;

/// Blocks that grow beyond this get a run while their size still has a class, where there is backed memory with room behind it.
/// A smaller one would leave half of its slice unused, or more.
pub(crate) const STAND_IN_ABOVE_BYTES: usize = SLICE_BYTES / 2;
/// So many places where something was freed last are known, of at least so many slices: there the next run goes, since they
/// are backed and may still be in the processor's cache.
pub(crate) const RECENT_PLACES: usize = 8;
pub(crate) const RECENT_MIN_SLICES: u32 = 4;

/// Memory is made accessible in steps of at least this many arenas and at most the second figure.
pub(crate) const GROW_MIN_ARENAS: u32 = HUGE_ARENAS;
pub(crate) const GROW_MAX_ARENAS: u32 = 256;

/// Heaps that can exist: one for each thread alive at once and each [`Heap`](crate::Heap).
pub(crate) const MAX_HEAPS: u32 = 1 << 16;

/// Bytes given to pools, by one heap, before it tells the purger.
pub(crate) const REPORT_BYTES: usize = 256 << 10;
/// Bytes reported before a purger is started.
pub(crate) const WAKE_BYTES: usize = 1 << 20;

const _: () =
    assert!((FIRST_REFILL_BLOCKS * 8).is_multiple_of(CACHE_LINE_BYTES), "first refills are whole cache lines");
const _: () = assert!(MAGAZINE_SLOTS.is_power_of_two());
const _: () = assert!(RUN_MAX_ALIGN.is_multiple_of(ARENA_BYTES));
const _: () = assert!(RUN_MAX_SLICES.is_multiple_of(64));
const _: () = assert!(MAX_HEAPS <= 1 << 16, "an owner is sixteen bits of a slice word");
