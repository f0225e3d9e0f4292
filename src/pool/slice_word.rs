//! What a slice is, in one word that any thread may read: whose, which class, and where its pool starts.

use crate::base::size_class::CLASSES;

/// `owner << 16 | kind << 8 | offset`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SliceWord(u32);

/// What a slice belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Nothing, or not yet anything.
    Free,
    /// A pool of this class.
    Pool(usize),
    /// A run that starts here.
    Run,
    /// A run that starts further down.
    RunTail,
}

/// The numbers of kinds: zero is free, pools have that of their class plus one.
const RUN: u32 = CLASSES as u32 + 1;
const RUN_TAIL: u32 = CLASSES as u32 + 2;
pub(crate) const KINDS: usize = CLASSES + 3;
const _: () = assert!(KINDS <= 1 << 8, "a kind is eight bits of a slice word");

/// The number of the kind of pools of `class`.
#[inline(always)]
pub(crate) const fn kind_number(class: usize) -> usize {
    class + 1
}

/// In the place of a run's offset, which is always zero.
const WATCHED: u32 = 1;

impl SliceWord {
    pub(crate) const FREE: Self = Self(0);

    #[inline]
    pub(crate) fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    #[inline]
    pub(crate) fn to_bits(self) -> u32 {
        self.0
    }

    /// Slice number `offset` of a pool of `class` that belongs to heap `owner`.
    pub(crate) fn pool(owner: u32, class: usize, offset: u32) -> Self {
        debug_assert!(owner < 1 << 16 && offset < 1 << 8);
        Self(owner << 16 | (kind_number(class) as u32) << 8 | offset)
    }

    /// The first slice of a run that belongs to heap `owner`.
    pub(crate) fn run(owner: u32) -> Self {
        Self(owner << 16 | RUN << 8)
    }

    /// The first slice of such a run that was zeroed, and is looked at when it is freed: whether it was used.
    pub(crate) fn watched_run(owner: u32) -> Self {
        Self(Self::run(owner).0 | WATCHED)
    }

    /// Whether this says [`watched_run`](Self::watched_run).
    pub(crate) fn is_watched_run(self) -> bool {
        self.kind() == Kind::Run && self.0 & WATCHED != 0
    }

    /// Any other slice of a run.
    pub(crate) const RUN_TAIL: Self = Self(RUN_TAIL << 8);

    #[inline]
    pub(crate) fn owner(self) -> u32 {
        self.0 >> 16
    }

    /// Slices between the pool's first and this one.
    #[inline]
    pub(crate) fn offset(self) -> u32 {
        self.0 & 0xff
    }

    /// Whether this is a slice of a pool of `class`.
    #[inline]
    pub(crate) fn is_pool_of(self, class: usize) -> bool {
        self.0 >> 8 & 0xff == kind_number(class) as u32
    }

    /// Whether this is a slice of a pool of the class and the owner that `other` is of.
    #[inline]
    pub(crate) fn is_pool_like(self, other: Self) -> bool {
        self.0 >> 8 == other.0 >> 8
    }

    /// The class of the pool, if this is a slice of one.
    #[cfg(feature = "raw")]
    #[inline]
    pub(crate) fn class(self) -> Option<usize> {
        match self.kind() {
            Kind::Pool(class) => Some(class),
            _ => None,
        }
    }

    /// The number of its kind, below [`KINDS`].
    pub(crate) fn kind_number(self) -> u8 {
        (self.0 >> 8) as u8
    }

    #[inline]
    pub(crate) fn kind(self) -> Kind {
        match self.0 >> 8 & 0xff {
            0 => Kind::Free,
            RUN => Kind::Run,
            RUN_TAIL => Kind::RunTail,
            class => Kind::Pool(class as usize - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::config::{ARENA_SLICES, MAX_HEAPS};

    #[test]
    fn words_say_what_was_put_in() {
        for owner in [0, 1, MAX_HEAPS - 1] {
            for class in 0..CLASSES {
                for offset in 0..ARENA_SLICES {
                    let word = SliceWord::from_bits(SliceWord::pool(owner, class, offset).to_bits());
                    assert_eq!((word.owner(), word.kind(), word.offset()), (owner, Kind::Pool(class), offset));
                    assert!(word.is_pool_of(class) && !word.is_pool_of(class + 1));
                    assert!(word.is_pool_like(SliceWord::pool(owner, class, ARENA_SLICES)));
                    for other in [SliceWord::pool(owner, class ^ 1, offset), SliceWord::pool(owner ^ 1, class, offset)] {
                        assert!(!word.is_pool_like(other));
                    }
                    #[cfg(feature = "raw")]
                    assert_eq!(word.class(), Some(class));
                }
            }
            for run in [SliceWord::run(owner), SliceWord::watched_run(owner)] {
                assert_eq!((run.owner(), run.kind()), (owner, Kind::Run));
                assert_eq!(run.is_watched_run(), run != SliceWord::run(owner));
            }
            assert!(!SliceWord::pool(owner, 0, 1).is_watched_run());
        }
        assert_eq!(SliceWord::RUN_TAIL.kind(), Kind::RunTail);
        assert_eq!(SliceWord::FREE.kind(), Kind::Free);
        #[cfg(feature = "raw")]
        for word in [SliceWord::run(1), SliceWord::RUN_TAIL, SliceWord::FREE] {
            assert_eq!(word.class(), None);
        }
    }
}
