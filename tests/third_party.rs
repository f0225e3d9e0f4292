//! Well-known crates at work on cenote, as the global allocator and by its heaps.

use std::collections::BTreeMap;
use std::fmt::Write;

use cenote::{Cenote, Heap};
use hashbrown::{DefaultHashBuilder, HashMap};
use rayon::prelude::*;
use regex::Regex;
use serde_json::{Value, json};

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

#[test]
fn serde_json_changes_a_large_document() {
    const RECORDS: usize = 5000;
    let text = (0..RECORDS).fold(String::from("["), |mut text, i| {
        let comma = if i == 0 { "" } else { "," };
        write!(
            text,
            r#"{comma}{{"id":{i},"name":"name {i}","tags":["a{i}","b","c"],"nested":{{"x":[{i},null,true]}}}}"#
        )
        .expect("strings take all");
        text
    }) + "]";

    let mut document: Value = serde_json::from_str(&text).expect("valid");
    assert_eq!(serde_json::to_string(&document).expect("serialisable").len(), text.len());
    let records = document.as_array_mut().expect("an array");
    records.retain(|record| record["id"].as_u64().is_some_and(|id| id % 3 != 0));
    for record in records.iter_mut() {
        let id = record["id"].as_u64().expect("a number");
        record["name"] = json!("x".repeat(id as usize % 200));
        record["tags"].as_array_mut().expect("an array").push(json!({ "new": id }));
        record.as_object_mut().expect("an object").remove("nested");
    }

    let changed = serde_json::to_string_pretty(&document).expect("serialisable");
    drop(document);
    let parsed: Value = serde_json::from_str(&changed).expect("valid");
    let records = parsed.as_array().expect("an array");
    assert_eq!(records.len(), RECORDS - RECORDS.div_ceil(3));
    for record in records {
        let id = record["id"].as_u64().expect("a number");
        assert_eq!(record["name"].as_str().map(str::len), Some(id as usize % 200));
        assert_eq!(record["tags"][3]["new"], id);
        assert_eq!(record["nested"], Value::Null);
    }
}

#[test]
fn regex_compiles_and_matches() {
    let dates = Regex::new(r"(?x) (?P<year>\d{4}) - (?P<month>\d{2}) - (?P<day>\d{2})").expect("valid");
    let text: String = (0..3000).map(|i| format!("on {:04}-{:02}-{:02};", 1000 + i, i % 12 + 1, i % 28 + 1)).collect();
    let found: Vec<usize> =
        dates.captures_iter(&text).map(|captures| captures["year"].parse().expect("digits")).collect();
    assert_eq!(found, (1000..4000).collect::<Vec<_>>());
    assert_eq!(dates.replace_all(&text, "$day.$month.$year").matches('.').count(), 6000);

    for number in 0..30 {
        let pattern = format!(r"^(?:a{{{number}}}|[b-y\p{{Greek}}]+z{number}|(x+x+)+y)$");
        let regex = Regex::new(&pattern).expect("valid");
        assert!(regex.is_match(&"a".repeat(number)));
        assert!(regex.is_match(&format!("bcα{}z{number}", "y".repeat(100))));
        assert!(!regex.is_match(&"a".repeat(number + 1)));
    }
}

#[test]
fn rayon_counts_words() {
    let lines: Vec<String> =
        (0..20_000_usize).into_par_iter().map(|i| (0..8).map(|j| format!("w{} ", (i * j) % 500)).collect()).collect();
    let count = |mut counts: BTreeMap<String, usize>, line: &String| {
        for word in line.split_whitespace() {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
        counts
    };
    let merge = |mut a: BTreeMap<String, usize>, b: BTreeMap<String, usize>| {
        for (word, number) in b {
            *a.entry(word).or_default() += number;
        }
        a
    };
    let expected = lines.iter().fold(BTreeMap::new(), count);
    for _ in 0..3 {
        let counts = lines.par_iter().fold(BTreeMap::new, count).reduce(BTreeMap::new, merge);
        assert_eq!(counts, expected);
    }

    let mut sorted: Vec<String> = lines.into_par_iter().flat_map_iter(|line| [line.to_uppercase(), line]).collect();
    sorted.par_sort();
    assert_eq!(sorted.len(), 40_000);
    assert!(sorted.is_sorted());
}

#[test]
fn hashbrown_lives_in_a_heap() {
    let heap = Heap::new();
    let mut map: HashMap<u64, Box<str>, DefaultHashBuilder, &Heap> = HashMap::new_in(&heap);
    for key in 0..50_000 {
        map.insert(key, key.to_string().into());
    }
    map.retain(|key, _| key % 2 == 0);
    map.shrink_to_fit();
    let copy = map.clone();
    for key in 50_000..60_000 {
        map.insert(key, "new".into());
    }
    assert_eq!(map.len(), 35_000);
    drop(map);
    assert_eq!(copy.len(), 25_000);
    for (key, text) in &copy {
        assert_eq!(**text, key.to_string());
    }
}

#[test]
fn vectors_and_boxes_live_in_a_heap() {
    use allocator_api2::boxed::Box;
    use allocator_api2::vec::Vec;

    let heap = Heap::new();
    let mut rows: Vec<Vec<u32, &Heap>, &Heap> = Vec::new_in(&heap);
    for row in 0..1000 {
        let mut numbers = Vec::with_capacity_in(row as usize % 7, &heap);
        numbers.extend(0..row);
        rows.push(numbers);
    }
    for numbers in &mut rows {
        numbers.retain(|number| number % 3 == 0);
        numbers.shrink_to_fit();
    }
    let boxes: Vec<Box<[u64; 20], &Heap>, &Heap> = {
        let mut boxes = Vec::new_in(&heap);
        boxes.extend((0..1000).map(|i| Box::new_in([i; 20], &heap)));
        boxes
    };
    for (row, numbers) in rows.iter().enumerate() {
        assert!(numbers.iter().copied().eq((0..row as u32).step_by(3)));
    }
    assert!(boxes.iter().enumerate().all(|(i, numbers)| numbers.iter().all(|&number| number == i as u64)));
}

#[test]
fn bumpalo_takes_its_chunks_from_cenote() {
    use bumpalo::Bump;
    use bumpalo::collections::{String, Vec};

    let mut bump = Bump::new();
    for round in 0..5 {
        let mut strings = Vec::new_in(&bump);
        for number in 0..5000 {
            let mut string = String::from_str_in("number ", &bump);
            write!(string, "{number} in round {round}").expect("strings take all");
            strings.push(string);
        }
        for (number, string) in strings.iter().enumerate() {
            assert_eq!(*string, format!("number {number} in round {round}"));
        }
        let mut map: HashMap<usize, usize, DefaultHashBuilder, &Bump> = HashMap::new_in(&bump);
        map.extend((0..3000).map(|i| (i, i * i)));
        assert!(map.iter().all(|(i, square)| i * i == *square));
        drop(map);
        drop(strings);
        bump.reset();
    }
}
