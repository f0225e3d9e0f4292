//! Text with the statistics of a natural language, made from a seed: few words are frequent, and those are short.

use crate::rng::Rng;

/// Magnitudes of a word's rank: the vocabulary has `2^MAGNITUDES` words.
const MAGNITUDES: usize = 16;

/// A source of words, sentences and names.
#[derive(Clone, Debug)]
pub struct Corpus {
    rng: Rng,
}

impl Corpus {
    /// The corpus whose text `seed` determines.
    pub const fn new(seed: u64) -> Self {
        Self { rng: Rng::new(seed) }
    }

    /// The generator under it, for choices that go with the text.
    pub const fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// The rank of a word, 0 being the most frequent one: about as likely as one over the rank (Zipf).
    pub fn rank(&mut self) -> usize {
        let magnitude = self.rng.below(MAGNITUDES + 1);
        self.rng.below(1 << magnitude)
    }

    /// Appends a word to `text`.
    pub fn push_word(&mut self, text: &mut String) {
        let rank = self.rank();
        push_spelling(rank, text);
    }

    /// A word.
    pub fn word(&mut self) -> String {
        let mut word = String::new();
        self.push_word(&mut word);
        word
    }

    /// `words` words with spaces between them.
    pub fn sentence(&mut self, words: usize) -> String {
        let mut text = String::new();
        for n in 0..words {
            if n > 0 {
                text.push(' ');
            }
            self.push_word(&mut text);
        }
        text
    }
}

/// Appends the word of a rank: syllables, the digits of the rank.
pub fn push_spelling(rank: usize, text: &mut String) {
    const CONSONANTS: &[u8] = b"bdfgklmnprstvwz";
    const VOWELS: &[u8] = b"aeiou";
    let mut left = rank;
    loop {
        let digit = left % (CONSONANTS.len() * VOWELS.len());
        text.push(CONSONANTS[digit / VOWELS.len()] as char);
        text.push(VOWELS[digit % VOWELS.len()] as char);
        left /= CONSONANTS.len() * VOWELS.len();
        if left == 0 {
            break;
        }
        left -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_rank_has_a_word_of_its_own() {
        let words: HashSet<_> = (0..1 << MAGNITUDES)
            .map(|rank| {
                let mut word = String::new();
                push_spelling(rank, &mut word);
                word
            })
            .collect();
        assert_eq!(words.len(), 1 << MAGNITUDES);
    }

    #[test]
    fn low_ranks_are_frequent() {
        let mut corpus = Corpus::new(1);
        let low = (0..10_000).filter(|_| corpus.rank() < 256).count();
        assert!((4_000..8_000).contains(&low), "{low}");
    }
}
