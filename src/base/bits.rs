//! Bit tricks on words: where a pool of some slices fits into an arena.

/// The lowest start of `count` consecutive set bits of `word`, at a multiple of `align` (a power of two).
#[inline]
pub(crate) fn find_run(word: u16, count: u32, align: u32) -> Option<u32> {
    debug_assert!((1..=16).contains(&count) && align.is_power_of_two());
    let mut starts = word as u32;
    let mut have = 1;
    // Invariant: a bit of `starts` is set if and only if `have` consecutive bits of `word` are set from there on.
    while have < count {
        let step = have.min(count - have);
        starts &= starts >> step;
        have += step;
    }
    let aligned = match align {
        1 => 0xffff,
        2 => 0x5555,
        4 => 0x1111,
        8 => 0x0101,
        _ => 0x0001,
    };
    starts &= aligned;
    (starts != 0).then(|| starts.trailing_zeros())
}

/// The word with bits `start .. start + count` set.
#[inline]
pub(crate) fn mask(start: u32, count: u32) -> u16 {
    debug_assert!(start + count <= 16);
    ((((1u64 << count) - 1) << start) & 0xffff) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn find_run_agrees_with_trying_every_start() {
        for word in 0..=u16::MAX {
            for count in [1, 2, 3, 4, 7, 8, 15, 16] {
                for align in [1, 2, 4, 8, 16] {
                    let naive = (0..=16 - count)
                        .filter(|start| start % align == 0)
                        .find(|&start| word & mask(start, count) == mask(start, count));
                    assert_eq!(find_run(word, count, align), naive, "{word:#06x} {count} {align}");
                }
            }
        }
    }
}
