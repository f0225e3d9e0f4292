//! The size classes: 8 bytes, then steps of 16 to 256 bytes, then eight steps to each doubling, and one for buffers of 8 KiB
//! with a header.
//!
//! Every class size is a multiple of the step of its range, so a request rounded up to a multiple of its alignment falls
//! into a class whose size is a multiple of that alignment too: either the step is a multiple of the alignment, or the
//! rounded request is itself a class size. (The extra class is a power of two above another: either is a multiple of what
//! requests between the two can ask for.) Blocks start at the pool's first byte and pools are aligned to their own
//! length, hence `class_of(round_up(size, align))` is always aligned well enough and no class table by alignment exists.

use super::config::*;

/// Number of size classes.
pub(crate) const CLASSES: usize = 74;
/// The largest block that comes from a pool, in bytes.
pub(crate) const CLASS_MAX_BYTES: usize = 32 << 10;

/// Sizes with the same quotient by this have the same class.
const STEP: usize = 8;

/// Large enough for every offset in a pool, small enough for a product in 64 bits.
pub(crate) const RECIPROCAL_SHIFT: u32 = 40;

/// What is known of a class, precomputed.
#[derive(Clone, Copy)]
pub(crate) struct Class {
    /// Bytes of a block.
    pub size: u32,
    /// `offset * reciprocal >> RECIPROCAL_SHIFT` is the index of the block at `offset` bytes in a pool.
    pub reciprocal: u64,
    /// Slices in a pool: a power of two.
    pub slices: u8,
    /// The same when there are many already.
    pub wide_slices: u8,
    /// Blocks a magazine holds.
    pub magazine: u8,
    /// Magazines the depot holds.
    pub depot: u8,
}

/// Whether `class` is one of the smallest, whose pools have the most blocks: 8 and 16 bytes.
pub(crate) const fn is_tiny(class: usize) -> bool {
    class <= 1
}

/// The class of buffers of 8 KiB that an object's header comes in front of: without it each would leave most of a KiB unused.
const BUFFER: usize = 57;
const BUFFER_BYTES: usize = (8 << 10) + 64;

/// Whether a pool of `class` with `slices` slices has room for a bit of free list for each of its blocks.
const fn has_free_list_words(class: usize, slices: usize) -> bool {
    let words = if is_tiny(class) { slices * TINY_WORDS_PER_SLICE } else { slices * METADATA_WORDS - DESCRIPTOR_WORDS };
    blocks_in(slices as u32, size_of_class(class) as u32) as usize <= words * 64
}

const fn size_of_class(class: usize) -> usize {
    if class < BUFFER {
        size_of_step(class)
    } else if class == BUFFER {
        BUFFER_BYTES
    } else {
        size_of_step(class - 1)
    }
}

/// The sizes but for that of [`BUFFER`].
const fn size_of_step(class: usize) -> usize {
    if class == 0 {
        8
    } else if class <= 16 {
        class * 16
    } else {
        let doubling = (class - 17) / 8;
        let step = (class - 17) % 8;
        (256 << doubling) + (step + 1) * (32 << doubling)
    }
}

const fn describe(class: usize) -> Class {
    let size = size_of_class(class);
    // A pool has at least eight blocks, and leaves at most a sixteenth of itself unused if a whole arena can do so; and its
    // slices have free-list words for all its blocks.
    let mut slices = 1;
    loop {
        let bytes = slices * SLICE_BYTES;
        if slices == ARENA_SLICES as usize
            || (bytes / size >= 8 && bytes % size <= bytes / 16 && has_free_list_words(class, slices))
        {
            break;
        }
        slices *= 2;
    }
    let least = if size <= MAGAZINE_BYTES / 4 { 4 } else { 2 };
    let magazine = clamp(MAGAZINE_BYTES / size, least, MAGAZINE_SLOTS - 1);
    let is_shallow = *SHALLOW_DEPOTS.start() <= size && size <= *SHALLOW_DEPOTS.end();
    let depot = if is_shallow { 1 } else { clamp(DEPOT_BYTES / (magazine * size), 1, DEPOT_MAGAZINES) };
    Class {
        size: size as u32,
        reciprocal: (1u64 << RECIPROCAL_SHIFT).div_ceil(size as u64),
        slices: slices as u8,
        wide_slices: clamp(WIDE_SLICES as usize, slices, ARENA_SLICES as usize) as u8,
        magazine: magazine as u8,
        depot: depot as u8,
    }
}

const fn clamp(value: usize, low: usize, high: usize) -> usize {
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}

/// All classes, by index.
pub(crate) static TABLE: [Class; CLASSES] = {
    let mut table = [describe(0); CLASSES];
    let mut class = 0;
    while class < CLASSES {
        table[class] = describe(class);
        class += 1;
    }
    table
};

/// The class of each size in steps. One large table beats two small ones: no branch or conditional move to choose, and
/// what is used of it stays in the cache.
static LOOKUP: [u8; CLASS_MAX_BYTES / STEP + 1] = {
    let mut table = [0; CLASS_MAX_BYTES / STEP + 1];
    let mut class = 0;
    let mut index = 0;
    while index < table.len() {
        if size_of_class(class) < index * STEP {
            class += 1;
        }
        table[index] = class as u8;
        index += 1;
    }
    table
};

/// The class of each size, a byte each: two instructions less where the size is not known to the compiler. What is used of
/// the table stays in the cache too, as few programs ask for many sizes.
static BYTE_LOOKUP: [u8; CLASS_MAX_BYTES + 1] = by_size();

/// Sizes up to here have such a table of their own for who asks without a layout: in a library that others load, all of a large
/// table would be resident.
#[cfg(feature = "raw")]
pub(crate) const SMALL_MAX_BYTES: usize = 1 << 10;

/// The class of each small size.
#[cfg(feature = "raw")]
static SMALL_LOOKUP: [u8; SMALL_MAX_BYTES + 1] = by_size();

const fn by_size<const SIZES: usize>() -> [u8; SIZES] {
    let mut table = [0; SIZES];
    let mut size = 0;
    while size < table.len() {
        table[size] = LOOKUP[size.div_ceil(STEP)];
        size += 1;
    }
    table
}

const _: () = assert!(size_of_class(CLASSES - 1) == CLASS_MAX_BYTES);
const _: () = assert!(size_of_class(BUFFER - 1) < BUFFER_BYTES && BUFFER_BYTES < size_of_class(BUFFER + 1));
const _: () = {
    let mut class = 0;
    while class < CLASSES {
        let c = describe(class);
        assert!(c.slices.is_power_of_two() && c.slices as usize * SLICE_BYTES >= 8 * c.size as usize);
        assert!(c.wide_slices.is_power_of_two() && c.slices <= c.wide_slices && c.wide_slices as u32 <= ARENA_SLICES);
        let bytes = c.wide_slices as usize * SLICE_BYTES;
        assert!(bytes / c.size as usize <= u16::MAX as usize);
        let mut slices = c.slices as usize;
        while slices <= c.wide_slices as usize {
            assert!(has_free_list_words(class, slices), "a pool has free-list words for all its blocks");
            slices *= 2;
        }
        // The reciprocal is exact for every offset in a pool when its error stays below one part in `bytes`.
        let error = c.reciprocal * c.size as u64 - (1 << RECIPROCAL_SHIFT);
        assert!(error * (bytes as u64) < 1 << RECIPROCAL_SHIFT);
        class += 1;
    }
};

/// Rounds `size` up to a multiple of `align`, which is what [`class_of`] wants. Cannot overflow for a valid `Layout`.
#[inline(always)]
pub(crate) const fn padded(size: usize, align: usize) -> usize {
    (size + (align - 1)) & !(align - 1)
}

/// The smallest class that holds `size` bytes.
///
/// # Safety
/// `size` is at most [`CLASS_MAX_BYTES`].
#[inline(always)]
// `div_ceil` compiles to a longer sequence.
#[allow(clippy::manual_div_ceil)]
pub(crate) const unsafe fn class_of(size: usize) -> usize {
    debug_assert!(size <= CLASS_MAX_BYTES);
    // SAFETY: `size <= CLASS_MAX_BYTES` by the caller, so the rounded index is at most `LOOKUP.len() - 1`.
    unsafe { *LOOKUP.as_ptr().add((size + STEP - 1) / STEP) as usize }
}

/// Does as [`class_of`], faster.
///
/// # Safety
/// As for that.
#[inline(always)]
pub(crate) const unsafe fn quick_class_of(size: usize) -> usize {
    debug_assert!(size <= CLASS_MAX_BYTES);
    // SAFETY: the caller's.
    unsafe { *BYTE_LOOKUP.as_ptr().add(size) as usize }
}

/// Does as [`class_of`], for small sizes.
///
/// # Safety
/// `size` is at most [`SMALL_MAX_BYTES`].
#[cfg(feature = "raw")]
#[inline(always)]
pub(crate) unsafe fn class_of_small(size: usize) -> usize {
    debug_assert!(size <= SMALL_MAX_BYTES);
    // SAFETY: the caller's.
    unsafe { *SMALL_LOOKUP.get_unchecked(size) as usize }
}

/// Blocks of `size` bytes in a pool of `slices` slices.
pub(crate) const fn blocks_in(slices: u32, size: u32) -> u32 {
    slices * SLICE_BYTES as u32 / size
}

/// Bytes of a block of `class`.
#[inline]
pub(crate) fn size_of(class: usize) -> usize {
    TABLE[class].size as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(size: usize) -> usize {
        (0..CLASSES).find(|&c| size_of_class(c) >= size).unwrap()
    }

    #[test]
    fn every_size_gets_the_smallest_class_that_holds_it() {
        for size in 0..=CLASS_MAX_BYTES {
            // SAFETY: the loop ends at the largest class.
            assert_eq!(unsafe { [class_of(size), quick_class_of(size)] }, [naive(size); 2], "size {size}");
        }
    }

    #[test]
    fn every_size_and_alignment_gets_an_aligned_block() {
        for size in 1..=CLASS_MAX_BYTES {
            for align in (0..=15).map(|s| 1usize << s) {
                let padded = padded(size, align);
                if padded <= CLASS_MAX_BYTES {
                    // SAFETY: just compared.
                    let class = &TABLE[unsafe { class_of(padded) }];
                    assert_eq!(class.size as usize % align, 0, "size {size} align {align}");
                    assert!(class.slices as usize * SLICE_BYTES >= align);
                }
            }
        }
    }

    #[test]
    fn a_step_wastes_at_most_an_eighth() {
        for class in 17..CLASSES {
            let step = size_of_class(class) - size_of_class(class - 1);
            assert!(step * 8 <= size_of_class(class - 1));
        }
    }

    #[test]
    fn the_reciprocal_divides() {
        for class in TABLE {
            for index in 0..blocks_in(class.wide_slices.into(), class.size) as u64 {
                let start = index * class.size as u64;
                for offset in [start, start + 1, start + class.size as u64 - 1] {
                    assert_eq!((offset * class.reciprocal) >> RECIPROCAL_SHIFT, index);
                }
            }
        }
    }
}
