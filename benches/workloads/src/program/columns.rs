//! `arrow`: a query over columns.
//!
//! It imitates an engine such as DataFusion or Polars: batches of a table are made column by column, filtered, sorted by
//! a text and a number, and grouped through the row format. Columns are buffers of tens to hundreds of KiB that live for
//! one operator, which is where an allocator either keeps memory ready or asks the operating system again.
//!
//! Its number cannot show small objects, of which there are few.

use super::corpus::Corpus;
use super::{expect, spoiled};
use crate::{Outcome, Pass, Prepare, Setting, Workload, input};
use arrow_array::builder::{Int64Builder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_ord::sort::{SortColumn, lexsort_to_indices};
use arrow_row::{OwnedRow, RowConverter, SortField};
use arrow_select::concat::concat;
use arrow_select::filter::filter;
use arrow_select::take::take;
use cenote_bench_protocol::Group;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Filter, group, sort.
pub const WORKLOAD: Workload = Workload {
    name: "arrow",
    group: Group::Program,
    about: "arrow makes batches of columns, filters, groups and sorts them",
    quick: false,
    scales: false,
    threads: 1,
    warm_up: 0,
    prepare: Prepare::Reading { write, read },
};

/// Rows of a batch.
const BATCH: usize = 4_096;
/// Rows with at least this amount pass the filter.
const LEAST: i64 = 300;

fn write(setting: &Setting) -> Vec<u8> {
    let mut corpus = Corpus::new(setting.seed);
    let rows: Vec<_> =
        (0..setting.scaled(100_000)).map(|_| (corpus.word(), corpus.rng().below(1_000) as i64)).collect();
    let mut expected: BTreeMap<_, i64> = BTreeMap::new();
    for (name, amount) in rows.iter().filter(|(_, amount)| *amount >= LEAST) {
        *expected.entry(name).or_default() += amount;
    }
    input::encode(&(&rows, expected))
}

fn read(_: &Setting, input: &'static [u8]) -> Pass {
    let (rows, expected): (Vec<(&str, i64)>, BTreeMap<&str, i64>) = input::decode(input);
    Box::new(move || query(&rows, &expected))
}

fn query(rows: &[(&str, i64)], expected: &BTreeMap<&str, i64>) -> Outcome {
    let (mut names, mut amounts) = (Vec::new(), Vec::new());
    for batch in rows.chunks(BATCH) {
        let (mut name, mut amount) = (StringBuilder::new(), Int64Builder::new());
        for row in batch {
            name.append_value(row.0);
            amount.append_value(row.1);
        }
        let (name, amount) = (name.finish(), amount.finish());
        let kept: BooleanArray = amount.values().iter().map(|&amount| Some(amount >= LEAST)).collect();
        names.push(filter(&name, &kept).map_err(spoiled)?);
        amounts.push(filter(&amount, &kept).map_err(spoiled)?);
    }

    let groups = group(&names, &amounts)?;
    expect("groups", groups.len(), expected.len())?;

    let one = |columns: &[ArrayRef]| concat(&columns.iter().map(|c| &**c).collect::<Vec<&dyn Array>>());
    let (names, amounts) = (one(&names).map_err(spoiled)?, one(&amounts).map_err(spoiled)?);
    let key = |values: &ArrayRef| SortColumn { values: Arc::clone(values), options: None };
    let order = lexsort_to_indices(&[key(&names), key(&amounts)], None).map_err(spoiled)?;
    let (names, amounts) =
        (take(&names, &order, None).map_err(spoiled)?, take(&amounts, &order, None).map_err(spoiled)?);

    // Sorted, the rows of a group are neighbours: their sums are the groups' again, in the order of names.
    let mut sums: Vec<(&str, i64)> = Vec::new();
    for (name, amount) in names.as_string::<i32>().iter().zip(amounts.as_primitive::<Int64Type>()) {
        let (name, amount) = name.zip(amount).ok_or("a row became null")?;
        match sums.last_mut() {
            Some((last, sum)) if *last == name => *sum += amount,
            _ => sums.push((name, amount)),
        }
    }
    let mut answer = 0u64;
    expect("groups in order", sums.len(), expected.len())?;
    for ((name, sum), (expected_name, expected_sum)) in sums.iter().zip(expected) {
        expect("name of a group", name, expected_name)?;
        expect(name, *sum, *expected_sum)?;
        answer = answer.wrapping_mul(31).wrapping_add(sum.cast_unsigned());
    }
    expect("sum of all groups", groups.values().sum(), expected.values().sum::<i64>())?;
    Ok(answer)
}

/// Sums of the amounts by name.
fn group(names: &[ArrayRef], amounts: &[ArrayRef]) -> Result<FxHashMap<OwnedRow, i64>, String> {
    let mut groups: FxHashMap<OwnedRow, i64> = FxHashMap::default();
    for (name, amount) in names.iter().zip(amounts) {
        let converter = RowConverter::new(vec![SortField::new(name.data_type().clone())]).map_err(spoiled)?;
        let keys = converter.convert_columns(&[Arc::clone(name)]).map_err(spoiled)?;
        for (key, amount) in keys.iter().zip(amount.as_primitive::<Int64Type>().values()) {
            *groups.entry(key.owned()).or_default() += amount;
        }
    }
    Ok(groups)
}
