//! Sizes and alignments with a taste for borders.

use arbitrary::{Arbitrary, Result, Unstructured};
use std::alloc::Layout;
use std::sync::LazyLock;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// The largest size of a class, of every class.
static CLASS_SIZES: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let next = |&size: &usize| Some(cenote::good_size(size + 1)).filter(|&size| size <= 32 * KIB);
    std::iter::successors(Some(8), next).collect()
});

/// A size from 1 byte to 40 MiB.
#[derive(Clone, Copy, Debug)]
pub struct Size(pub usize);

impl<'a> Arbitrary<'a> for Size {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        /// A border, or one off.
        fn around(u: &mut Unstructured<'_>, border: usize) -> Result<usize> {
            Ok(border + u.int_in_range(0..=2)? - 1)
        }
        let size = match u.arbitrary::<u8>()? {
            0..96 => u.int_in_range(1..=512)?,
            96..176 => {
                let border = *u.choose(&CLASS_SIZES)?;
                around(u, border)?
            }
            176..208 => u.int_in_range(1..=70 * KIB)?,
            208..232 => {
                let slices = u.int_in_range(1..=40)?;
                around(u, slices * 16 * KIB)?
            }
            232..248 => {
                let arenas = u.int_in_range(1..=10)?;
                around(u, arenas * 256 * KIB)?
            }
            248..254 => u.int_in_range(1..=5 * MIB)?,
            254 => around(u, 32 * MIB)?,
            255 => u.int_in_range(6 * MIB..=40 * MIB)?,
        };
        Ok(Self(size))
    }
}

/// An alignment, mostly of words, up to 2 MiB.
#[derive(Clone, Copy, Debug)]
pub struct Align(pub usize);

impl<'a> Arbitrary<'a> for Align {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(match u.arbitrary::<u8>()? {
            0..160 => 8,
            byte @ 160..240 => 1 << (byte % 8),
            byte @ 240..252 => 1 << (8 + byte % 6),
            _ => 1 << u.int_in_range(14..=21)?,
        }))
    }
}

/// Bytes that one input may have filled and verified, so that inputs stay fast.
pub struct Budget(usize);

impl Budget {
    pub fn new() -> Self {
        Self(96 * MIB)
    }

    /// The size, if it is small or still affordable; else a small one.
    pub fn admit(&mut self, size: Size) -> usize {
        let affordable = if size.0 <= self.0 { size.0 } else { size.0 % (8 * KIB) + 1 };
        self.0 = self.0.saturating_sub(affordable);
        affordable
    }

    pub fn layout(&mut self, size: Size, align: Align) -> Layout {
        Layout::from_size_align(self.admit(size), align.0).expect("sizes and alignments are modest")
    }
}
