//! Random numbers that are the same in every run.

/// Steele, Lea and Flood's generator SplitMix64.
pub struct SplitMix64(pub u64);

impl SplitMix64 {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// A size that is small more often than not: as many from each power of two as from the next.
    pub fn size(&mut self, max: usize) -> usize {
        let bits = 1 + self.below(max.ilog2() as usize + 1);
        1 + self.below(max.min(1 << bits))
    }
}
