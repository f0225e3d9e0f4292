//! Tables for terminals, logs and Markdown alike.

use comfy_table::{CellAlignment, Table, presets};

/// A table with `columns`; the first is set left, the others right.
pub fn new(columns: impl IntoIterator<Item = impl Into<String>>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(columns.into_iter().map(Into::into).collect::<Vec<String>>());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// `bytes` in MiB.
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1 << 20) as f64
}

/// `nanoseconds` in milliseconds.
pub fn ms(nanoseconds: f64) -> f64 {
    nanoseconds / 1e6
}
