//! The chapter of the documentation: Markdown, and its pictures as files.

use super::{terminal, text};
use crate::statistics::Summary;
use cenote_bench_protocol::Results;
use std::fmt::Write as _;

/// The folder of the pictures, beside the chapter.
pub(super) const PICTURES: &str = "benchmarks";

/// A picture in a file of its own.
pub(super) struct Picture {
    /// The file's name.
    pub(super) file: String,
    /// Its contents.
    pub(super) svg: String,
}

/// The chapter.
pub(super) struct Chapter {
    /// Its text.
    pub(super) markdown: String,
    /// Its pictures.
    pub(super) pictures: Vec<Picture>,
}

/// The chapter of a run.
pub(super) fn chapter(results: &Results, summary: &Summary) -> Chapter {
    let mut markdown = String::new();
    let _ = writeln!(markdown, "# Benchmarks\n\n{}\n", text::date(results));
    let _ = writeln!(markdown, "{}", terminal::tables(summary));
    Chapter { markdown, pictures: Vec::new() }
}
