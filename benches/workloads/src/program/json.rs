//! `json-value` and `json-typed`: services that read JSON with serde_json.
//!
//! The first imitates a tool that knows nothing of the document's shape (`jq`, a gateway, a log pipeline): a large document
//! becomes a tree of `Value`s, all of it live at once, is walked and dropped. The second imitates a service with declared
//! types: it reads the same document into structs, and writes them back.
//!
//! Their numbers cannot show the reading of many small messages, where the same few blocks come and go; and half of their
//! time goes into scanning and printing text, which no allocator changes.

use super::feed::{self, Post, Tally};
use super::spoiled;
use crate::{Pass, Prepare, Setting, Workload, input};
use cenote_bench_protocol::Group;
use serde_json::Value;

/// A tree of values.
pub const VALUE: Workload = Workload {
    name: "json-value",
    group: Group::Program,
    about: "serde_json reads a large document into a tree of values, which is walked and dropped",
    quick: true,
    scales: false,
    threads: 1,
    warm_up: 0,
    prepare: Prepare::Reading { write, read: read_value },
};

/// Structs, there and back.
pub const TYPED: Workload = Workload {
    name: "json-typed",
    group: Group::Program,
    about: "serde_json reads a large document into structs and writes them back",
    quick: false,
    scales: false,
    threads: 1,
    warm_up: 0,
    prepare: Prepare::Reading { write, read: read_typed },
};

fn write(setting: &Setting) -> Vec<u8> {
    input::encode(&feed::document(setting.seed, setting.scaled(13_000)))
}

fn read_value(_: &Setting, input: &'static [u8]) -> Pass {
    let (document, expected): (&[u8], Tally) = input::decode(input);
    Box::new(move || {
        let tree: Value = serde_json::from_slice(document).map_err(spoiled)?;
        let mut found = Tally::default();
        walk(&tree, &mut found);
        found.check(&expected)?;
        Ok(found.answer())
    })
}

fn walk(value: &Value, tally: &mut Tally) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => tally.number(number.as_u64().unwrap_or_default()),
        Value::String(text) => tally.string(text),
        Value::Array(items) => items.iter().for_each(|item| walk(item, tally)),
        Value::Object(fields) => fields.values().for_each(|field| walk(field, tally)),
    }
}

fn read_typed(_: &Setting, input: &'static [u8]) -> Pass {
    let (document, expected): (&[u8], Tally) = input::decode(input);
    Box::new(move || {
        let posts: Vec<Post> = serde_json::from_slice(document).map_err(spoiled)?;
        let mut found = Tally::default();
        posts.iter().for_each(|post| found.post(post));
        found.check(&expected)?;
        let written = serde_json::to_vec(&posts).map_err(spoiled)?;
        if written != document {
            return Err("the document that was written differs from the one that was read".into());
        }
        Ok(found.answer())
    })
}
