//! The document of the JSON programs: posts of a social network, with replies and counters.

use super::corpus::Corpus;
use crate::rng::Rng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Somebody who writes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Author {
    /// Identity.
    pub id: u64,
    /// Name on the screen, with letters that JSON must escape.
    pub name: String,
    /// Whether the name was checked; unknown for most.
    pub verified: Option<bool>,
}

/// An answer to a post.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reply {
    /// Who answered.
    pub author: Author,
    /// What.
    pub text: String,
}

/// An entry of the feed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Post {
    /// Identity.
    pub id: u64,
    /// Who wrote it.
    pub author: Author,
    /// What.
    pub text: String,
    /// Its topics.
    pub tags: Vec<String>,
    /// Counters by name.
    pub counts: BTreeMap<String, u64>,
    /// Answers.
    pub replies: Vec<Reply>,
}

/// What a reader of the whole document must have seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Strings that are values, not keys.
    pub strings: u64,
    /// Their bytes after unescaping.
    pub text_bytes: u64,
    /// Sum of all numbers, wrapping.
    pub sum: u64,
}

impl Tally {
    /// Counts a string.
    pub fn string(&mut self, text: &str) {
        self.strings += 1;
        self.text_bytes += text.len() as u64;
    }

    /// Counts a number.
    pub fn number(&mut self, number: u64) {
        self.sum = self.sum.wrapping_add(number);
    }

    /// One number that differs if any of the counts does.
    pub fn answer(&self) -> u64 {
        self.sum.wrapping_mul(31).wrapping_add(self.text_bytes).wrapping_mul(31).wrapping_add(self.strings)
    }

    /// Says what is wrong if `self` was not read from the document that `expected` tells of.
    pub fn check(&self, expected: &Self) -> Result<(), String> {
        super::expect("strings", self.strings, expected.strings)?;
        super::expect("bytes of strings", self.text_bytes, expected.text_bytes)?;
        super::expect("sum of numbers", self.sum, expected.sum)
    }

    /// Counts all of a post.
    pub fn post(&mut self, post: &Post) {
        self.number(post.id);
        self.author(&post.author);
        self.string(&post.text);
        post.tags.iter().for_each(|tag| self.string(tag));
        post.counts.values().for_each(|&count| self.number(count));
        for reply in &post.replies {
            self.author(&reply.author);
            self.string(&reply.text);
        }
    }

    fn author(&mut self, author: &Author) {
        self.number(author.id);
        self.string(&author.name);
    }
}

fn author(corpus: &mut Corpus) -> Author {
    // Names repeat as people do; the quote and the line break must be escaped and unescaped.
    let mut name = corpus.word();
    name.push_str(if corpus.rng().below(8) == 0 { " \"\u{e9}\n\" " } else { " " });
    corpus.push_word(&mut name);
    Author { id: corpus.rng().next_u64() >> 24, name, verified: (corpus.rng().below(4) == 0).then_some(true) }
}

fn post(corpus: &mut Corpus) -> Post {
    let words = |rng: &mut Rng, most: usize| rng.between(3, most);
    let length = words(corpus.rng(), 40);
    let tags = corpus.rng().below(6);
    let replies = corpus.rng().below(5);
    Post {
        id: corpus.rng().next_u64() >> 16,
        author: author(corpus),
        text: corpus.sentence(length),
        tags: (0..tags).map(|_| corpus.word()).collect(),
        counts: ["likes", "shares", "views"]
            .iter()
            .map(|&name| (name.to_string(), corpus.rng().below(100_000) as u64))
            .collect(),
        replies: (0..replies)
            .map(|_| {
                let length = words(corpus.rng(), 20);
                Reply { author: author(corpus), text: corpus.sentence(length) }
            })
            .collect(),
    }
}

/// A document of `posts` posts as an array, and what is in it.
pub fn document(seed: u64, posts: usize) -> (Vec<u8>, Tally) {
    let mut corpus = Corpus::new(seed);
    let mut tally = Tally::default();
    let mut bytes = vec![b'['];
    for n in 0..posts {
        if n > 0 {
            bytes.push(b',');
        }
        let post = post(&mut corpus);
        tally.post(&post);
        serde_json::to_writer(&mut bytes, &post).expect("plain data, written to memory");
    }
    bytes.push(b']');
    (bytes, tally)
}
