//! `syn`: a tool that reads Rust.
//!
//! It imitates a code generator or a linter: every file of a project becomes tokens and then a syntax tree, all trees
//! are kept while the project is looked at, and each is turned back into tokens. The project is this package.
//!
//! Its number cannot show the macros of a compiler, whose tokens live in the compiler's own memory.

use super::{expect, spoiled};
use crate::rng::Rng;
use crate::{Pass, Prepare, Setting, Workload, input};
use cenote_bench_protocol::Group;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use std::hash::{Hash, Hasher};
use syn::visit::{self, Visit};

/// Parse and print.
pub const WORKLOAD: Workload = Workload {
    name: "syn",
    group: Group::Program,
    about: "syn parses the files of a project, keeps the trees, and turns them back into tokens",
    quick: true,
    scales: false,
    threads: 1,
    warm_up: 0,
    prepare: Prepare::Reading { write, read },
};

/// Files of this package.
const FILES: &[&str] = &[
    include_str!("../lib.rs"),
    include_str!("../program.rs"),
    include_str!("corpus.rs"),
    include_str!("feed.rs"),
    include_str!("json.rs"),
    include_str!("maps.rs"),
    include_str!("regex.rs"),
    include_str!("simd_json.rs"),
    include_str!("sorting.rs"),
    include_str!("syn.rs"),
];

/// Identifiers in the syntax trees.
#[derive(Default)]
struct Identifiers(u64);

impl<'ast> Visit<'ast> for Identifiers {
    fn visit_ident(&mut self, identifier: &'ast syn::Ident) {
        self.0 += 1;
        visit::visit_ident(self, identifier);
    }
}

fn write(setting: &Setting) -> Vec<u8> {
    // The lexer alone says what the printed trees must hold; order of files is the seed's.
    let mut files: Vec<_> = FILES.iter().map(|source| (*source, tokens_of_source(source))).collect();
    Rng::new(setting.seed).shuffle(&mut files);
    input::encode(&files)
}

fn read(setting: &Setting, input: &'static [u8]) -> Pass {
    let files: Vec<(&str, u64)> = input::decode(input);
    let repetitions = setting.scaled(8);
    Box::new(move || {
        let mut trees = Vec::new();
        for _ in 0..repetitions {
            for (source, expected) in &files {
                trees.push((syn::parse_file(source).map_err(spoiled)?, expected));
            }
        }
        let mut identifiers = Identifiers::default();
        for (tree, expected) in &trees {
            identifiers.visit_file(tree);
            expect("hash of the tokens", fingerprint(tree.to_token_stream()), **expected)?;
        }
        Ok(identifiers.0)
    })
}

fn tokens_of_source(source: &str) -> u64 {
    fingerprint(source.parse().expect("this package compiles"))
}

/// A hash of all tokens, independent of how they are spaced and of invisible groups.
fn fingerprint(tokens: TokenStream) -> u64 {
    let mut hasher = rustc_hash::FxHasher::default();
    hash_tokens(tokens, &mut hasher);
    hasher.finish()
}

fn hash_tokens(tokens: TokenStream, hasher: &mut impl Hasher) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                (group.delimiter() as u8).hash(hasher);
                hash_tokens(group.stream(), hasher);
            }
            TokenTree::Ident(identifier) => identifier.hash(hasher),
            TokenTree::Punct(mark) => mark.as_char().hash(hasher),
            TokenTree::Literal(literal) => literal.to_string().hash(hasher),
        }
    }
}
