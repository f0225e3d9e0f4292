//! `simd-json`: a service that reads JSON as fast as it can be read.
//!
//! It imitates a collector of events: the document comes in as bytes, which the parser takes for its own use, and becomes
//! a tree of owned values. Scanning costs little here, so the tree's allocations are a larger share than in `json-value`.
//!
//! Its number cannot show borrowed values, with which such services avoid most of these allocations.

use super::feed::{self, Tally};
use super::spoiled;
use crate::{Pass, Prepare, Setting, Workload, input};
use cenote_bench_protocol::Group;
use simd_json::{OwnedValue, StaticNode};

/// A tree of owned values.
pub const WORKLOAD: Workload = Workload {
    name: "simd-json",
    group: Group::Program,
    about: "simd-json reads a large document into owned values, which are walked and dropped",
    quick: false,
    scales: false,
    threads: 1,
    warm_up: 0,
    prepare: Prepare::Reading { write, read },
};

fn write(setting: &Setting) -> Vec<u8> {
    input::encode(&feed::document(setting.seed, setting.scaled(15_000)))
}

fn read(_: &Setting, input: &'static [u8]) -> Pass {
    let (document, expected): (&[u8], Tally) = input::decode(input);
    Box::new(move || {
        let mut bytes = document.to_vec();
        let tree = simd_json::to_owned_value(&mut bytes).map_err(spoiled)?;
        let mut found = Tally::default();
        walk(&tree, &mut found);
        found.check(&expected)?;
        Ok(found.answer())
    })
}

fn walk(value: &OwnedValue, tally: &mut Tally) {
    match value {
        OwnedValue::Static(StaticNode::U64(number)) => tally.number(*number),
        OwnedValue::Static(StaticNode::I64(number)) => tally.number(number.cast_unsigned()),
        OwnedValue::Static(_) => {}
        OwnedValue::String(text) => tally.string(text),
        OwnedValue::Array(items) => items.iter().for_each(|item| walk(item, tally)),
        OwnedValue::Object(fields) => fields.values().for_each(|field| walk(field, tally)),
    }
}
