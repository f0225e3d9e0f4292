//! What a run looks like: tables for the terminal, a page to open, and a chapter of the documentation.
//!
//! | module | what it holds |
//! |---|---|
//! | `terminal` | tables for the terminal |
//! | `page` | the self-contained HTML page |
//! | `chapter` | Markdown with its pictures |
//! | `plot` | the pictures of both |
//! | `text` | numbers with their units, and the sentences that page and chapter share |

mod chapter;
mod page;
mod plot;
mod terminal;
mod text;

use crate::statistics::{Comparison, Summary, summary};
use cenote_bench_protocol::Results;
use std::io;
use std::path::{Path, PathBuf};

pub use terminal::{comparison as comparison_text, tables as table_text};

/// Prints the tables of a run on standard output.
pub fn print_table(summary: &Summary) {
    println!("{}", table_text(summary));
}

/// Prints what changed between two runs on standard output.
pub fn print_comparison(comparison: &Comparison) {
    println!("{}", comparison_text(comparison));
}

/// Writes the page of a run: one file, which needs nothing else and no script.
///
/// # Errors
/// When the file cannot be written.
pub fn write_html(results: &Results, path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(path, page::page(results, &summary(results)))
}

/// Writes `benchmarks.md` into `directory`, and its pictures into `directory/benchmarks`, where those of an earlier run are
/// removed; of a run with fat link-time optimisation, `benchmarks-lto.md` and so on. Returns where the chapter is.
///
/// # Errors
/// When a file cannot be written.
pub fn write_docs(results: &Results, directory: &Path) -> io::Result<PathBuf> {
    let chapter = chapter::chapter(results, &summary(results));
    let pictures = directory.join(chapter.name);
    std::fs::create_dir_all(&pictures)?;
    for entry in std::fs::read_dir(&pictures)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "svg") {
            std::fs::remove_file(path)?;
        }
    }
    for picture in &chapter.pictures {
        std::fs::write(pictures.join(&picture.file), &picture.svg)?;
    }
    let path = directory.join(chapter.name).with_extension("md");
    std::fs::write(&path, chapter.markdown)?;
    Ok(path)
}
