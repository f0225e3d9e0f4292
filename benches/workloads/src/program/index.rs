//! `tantivy`: a full-text search engine that builds its index.
//!
//! It imitates a search service taking in documents: fields are cut into words, which grow posting lists in the engine's
//! own arenas, and commits turn them into compressed segments; then queries are answered, in memory as a service has it.
//!
//! Its number cannot show the disk; and tantivy keeps its largest structure in arenas of its own, so the allocator
//! serves what is around it.

use super::corpus::{Corpus, push_spelling};
use super::{expect, spoiled};
use crate::{Outcome, Pass, Prepare, Setting, Workload, input};
use cenote_bench_protocol::Group;
use tantivy::collector::Count;
use tantivy::indexer::NoMergePolicy;
use tantivy::query::TermQuery;
use tantivy::schema::{IndexRecordOption, STORED, Schema, TEXT};
use tantivy::{Index, IndexWriter, TantivyDocument, Term};

/// Index and search.
pub const WORKLOAD: Workload = Workload {
    name: "tantivy",
    group: Group::Program,
    about: "tantivy indexes documents in memory and answers queries",
    quick: false,
    scales: false,
    threads: 1,
    warm_up: 0,
    prepare: Prepare::Reading { write, read },
};

/// What tantivy may use before it writes a segment; its least.
const BUDGET_BYTES: usize = 15_000_000;
/// Segments that are written.
const COMMITS: usize = 4;
/// Words that are looked up, the most frequent ones and some that are rare.
const LOOKED_UP: [usize; 8] = [0, 1, 5, 40, 200, 1_000, 5_000, 30_000];

fn write(setting: &Setting) -> Vec<u8> {
    let mut corpus = Corpus::new(setting.seed);
    let documents: Vec<_> = (0..setting.scaled(4_000))
        .map(|_| {
            let words = corpus.rng().between(10, 60);
            corpus.sentence(words)
        })
        .collect();
    let expected = LOOKED_UP.map(|rank| {
        let mut word = String::new();
        push_spelling(rank, &mut word);
        let holders = documents.iter().filter(|text| text.split(' ').any(|other| other == word)).count();
        (word, holders)
    });
    input::encode(&(documents, expected))
}

fn read(_: &Setting, input: &'static [u8]) -> Pass {
    let (documents, expected): (Vec<&str>, [(&str, usize); LOOKED_UP.len()]) = input::decode(input);
    Box::new(move || index_and_search(&documents, &expected))
}

fn index_and_search(documents: &[&str], expected: &[(&str, usize)]) -> Outcome {
    let mut schema = Schema::builder();
    let body = schema.add_text_field("body", TEXT | STORED);
    let index = Index::create_in_ram(schema.build());
    let mut writer: IndexWriter = index.writer_with_num_threads(1, BUDGET_BYTES).map_err(spoiled)?;
    // Merges would run beside the queries, or not, as the scheduler likes.
    writer.set_merge_policy(Box::new(NoMergePolicy));
    for part in documents.chunks(documents.len().div_ceil(COMMITS)) {
        for text in part {
            let mut document = TantivyDocument::default();
            document.add_text(body, text);
            writer.add_document(document).map_err(spoiled)?;
        }
        writer.commit().map_err(spoiled)?;
    }
    let searcher = index.reader().map_err(spoiled)?.searcher();
    expect("documents", searcher.num_docs(), documents.len() as u64)?;
    let mut answer = 0u64;
    for (word, holders) in expected {
        let query = TermQuery::new(Term::from_field_text(body, word), IndexRecordOption::Basic);
        let found = searcher.search(&query, &Count).map_err(spoiled)?;
        expect(word, found, *holders)?;
        answer = answer.wrapping_mul(31).wrapping_add(found as u64);
    }
    Ok(answer)
}
