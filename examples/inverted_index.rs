//! An inverted index over the text files of a directory tree, built by several threads.
//!
//! ```text
//! cargo run --release --example inverted_index -- --threads 4 --top 20 --stats path/to/tree
//! ```
//!
//! Every thread reads files and fills a map of its own from terms to postings; the maps are then merged
//! by one thread, which so grows and frees what the others have allocated. The result on stdout does not
//! depend on the number of threads. Binary files, `.git` and `target` are skipped; what cannot be read is
//! counted and reported.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clap::{Arg, ArgAction, Command, value_parser};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

#[global_allocator]
static GLOBAL: cenote::Cenote = cenote::Cenote::new();

/// Directories that hold no sources.
const SKIPPED_DIRECTORIES: [&str; 2] = [".git", "target"];
/// A file is binary when a NUL is among so many of its first bytes.
const BINARY_PROBE_BYTES: usize = 8192;
/// Shorter tokens are no terms.
const MIN_TERM_CHARS: usize = 2;
/// The terms whose postings are shown, and how many postings of each.
const EXAMPLE_TERMS: usize = 3;
const EXAMPLE_POSTINGS: usize = 5;

fn main() -> ExitCode {
    let options = Options::from_command_line();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("inverted_index: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Failure> {
    let mut files = Files::default();
    files.collect_root(&options.directory)?;

    let (index, tally) = build(&options.directory, &files.paths, options.threads);
    for (path, error) in files.unreadable.iter().chain(&tally.unreadable) {
        eprintln!("inverted_index: cannot read `{}`: {error}", path.display());
    }
    let unreadable = files.unreadable.len() + tally.unreadable.len();
    print(&mut io::stdout().lock(), &index, &files.paths, &tally, unreadable, options.top).map_err(Failure::Output)?;

    if options.stats {
        eprintln!("{}", cenote::Cenote::stats());
    }
    Ok(())
}

/// What the user asked for.
struct Options {
    directory: PathBuf,
    threads: NonZeroUsize,
    top: usize,
    stats: bool,
}

impl Options {
    fn from_command_line() -> Self {
        let mut matches = Command::new("inverted_index")
            .about("Counts the terms of all text files under a directory, and shows where they occur")
            .arg(
                Arg::new("directory").help("The tree to index").value_parser(value_parser!(PathBuf)).default_value("."),
            )
            .arg(
                Arg::new("threads")
                    .long("threads")
                    .value_name("N")
                    .help("Threads that read files [default: one per CPU]")
                    .value_parser(value_parser!(NonZeroUsize)),
            )
            .arg(
                Arg::new("top")
                    .long("top")
                    .value_name("N")
                    .help("Terms to show")
                    .value_parser(value_parser!(usize))
                    .default_value("10"),
            )
            .arg(
                Arg::new("stats")
                    .long("stats")
                    .help("Print the allocator's statistics on stderr")
                    .action(ArgAction::SetTrue),
            )
            .get_matches();
        let threads =
            matches.remove_one("threads").or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
        Self {
            directory: matches.remove_one("directory").expect("has a default"),
            threads,
            top: matches.remove_one("top").expect("has a default"),
            stats: matches.get_flag("stats"),
        }
    }
}

/// Why there is no index.
enum Failure {
    Root(PathBuf, io::Error),
    Output(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(path, error) => {
                write!(f, "cannot read the directory `{}`: {error}", path.display())
            }
            Self::Output(error) => write!(f, "cannot write the result: {error}"),
        }
    }
}

/// The files of a tree.
#[derive(Default)]
struct Files {
    /// Sorted, so that a file's number does not depend on the file system.
    paths: Vec<PathBuf>,
    unreadable: Vec<(PathBuf, io::Error)>,
}

impl Files {
    /// Collects the whole tree; only the root must be readable.
    fn collect_root(&mut self, root: &Path) -> Result<(), Failure> {
        let entries = fs::read_dir(root).map_err(|error| Failure::Root(root.to_owned(), error))?;
        self.collect(root, entries);
        self.paths.sort();
        Ok(())
    }

    fn collect(&mut self, directory: &Path, entries: fs::ReadDir) {
        for entry in entries {
            let result = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)));
            match result {
                Ok((path, kind)) if kind.is_dir() => self.collect_directory(path),
                Ok((path, kind)) if kind.is_symlink() => self.collect_link(path),
                Ok((path, kind)) if kind.is_file() => self.paths.push(path),
                Ok(_) => {}
                Err(error) => self.unreadable.push((directory.to_owned(), error)),
            }
        }
    }

    fn collect_directory(&mut self, path: PathBuf) {
        if path.file_name().is_some_and(|name| SKIPPED_DIRECTORIES.iter().any(|skipped| name == *skipped)) {
            return;
        }
        match fs::read_dir(&path) {
            Ok(entries) => self.collect(&path, entries),
            Err(error) => self.unreadable.push((path, error)),
        }
    }

    /// Links to files are followed; links to directories are not, for they can form cycles.
    fn collect_link(&mut self, path: PathBuf) {
        match fs::metadata(&path) {
            Ok(target) if target.is_file() => self.paths.push(path),
            Ok(_) => {}
            Err(error) => self.unreadable.push((path, error)),
        }
    }
}

/// The occurrences of one term in one file.
#[derive(Clone, Copy)]
struct Posting {
    file: usize,
    first_line: usize,
    occurrences: usize,
}

/// From terms to postings, in no order while it is being built.
type Index = HashMap<Box<str>, Vec<Posting>>;

/// What became of the files.
#[derive(Default)]
struct Tally {
    indexed: usize,
    binary: usize,
    bytes: usize,
    unreadable: Vec<(PathBuf, io::Error)>,
}

impl Tally {
    fn absorb(&mut self, other: Self) {
        self.indexed += other.indexed;
        self.binary += other.binary;
        self.bytes += other.bytes;
        self.unreadable.extend(other.unreadable);
    }
}

/// Indexes the files in `threads` threads; postings come out sorted by file.
fn build(root: &Path, paths: &[PathBuf], threads: NonZeroUsize) -> (Index, Tally) {
    let progress = progress_bar(paths.len());
    let next_file = AtomicUsize::new(0);
    let parts: Vec<(Index, Tally)> = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads.get()).map(|_| scope.spawn(|| index_files(paths, &next_file, &progress))).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect()
    });
    progress.set_message(format!("merging {}", root.display()));

    let mut index = Index::new();
    let mut tally = Tally::default();
    for (part, part_tally) in parts {
        tally.absorb(part_tally);
        for (term, postings) in part {
            index.entry(term).or_default().extend(postings);
        }
    }
    for postings in index.values_mut() {
        postings.sort_unstable_by_key(|posting| posting.file);
    }
    tally.unreadable.sort_by(|a, b| a.0.cmp(&b.0));
    progress.finish_and_clear();
    (index, tally)
}

fn progress_bar(files: usize) -> ProgressBar {
    let target = if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} files {msg}").expect("a valid template");
    ProgressBar::with_draw_target(Some(files as u64), target).with_style(style)
}

/// One worker: takes files until none is left.
fn index_files(paths: &[PathBuf], next_file: &AtomicUsize, progress: &ProgressBar) -> (Index, Tally) {
    let mut index = Index::new();
    let mut tally = Tally::default();
    loop {
        // ORDERING: the counter only hands out numbers; `thread::scope` publishes everything else.
        let file = next_file.fetch_add(1, Ordering::Relaxed);
        let Some(path) = paths.get(file) else { break };
        match fs::read(path) {
            Ok(bytes) if is_binary(&bytes) => tally.binary += 1,
            Ok(bytes) => {
                tally.indexed += 1;
                tally.bytes += bytes.len();
                index_text(&mut index, file, &String::from_utf8_lossy(&bytes));
            }
            Err(error) => tally.unreadable.push((path.clone(), error)),
        }
        progress.inc(1);
    }
    (index, tally)
}

fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(BINARY_PROBE_BYTES).any(|&byte| byte == 0)
}

fn index_text(index: &mut Index, file: usize, text: &str) {
    for (line_index, line) in text.lines().enumerate() {
        for token in line.split(|c: char| !c.is_alphanumeric()) {
            if token.chars().count() < MIN_TERM_CHARS {
                continue;
            }
            let postings = index.entry(token.to_lowercase().into_boxed_str()).or_default();
            match postings.last_mut() {
                Some(posting) if posting.file == file => posting.occurrences += 1,
                _ => postings.push(Posting { file, first_line: line_index + 1, occurrences: 1 }),
            }
        }
    }
}

/// A term with its sums.
struct Ranked<'a> {
    term: &'a str,
    postings: &'a [Posting],
    occurrences: usize,
}

/// All terms, the most frequent first, ties by name.
fn rank(index: &Index) -> Vec<Ranked<'_>> {
    let mut ranked: Vec<_> = index
        .iter()
        .map(|(term, postings)| Ranked {
            term,
            postings,
            occurrences: postings.iter().map(|posting| posting.occurrences).sum(),
        })
        .collect();
    ranked.sort_unstable_by(|a, b| b.occurrences.cmp(&a.occurrences).then_with(|| a.term.cmp(b.term)));
    ranked
}

fn print(
    out: &mut impl Write,
    index: &Index,
    paths: &[PathBuf],
    tally: &Tally,
    unreadable: usize,
    top: usize,
) -> io::Result<()> {
    let ranked = rank(index);
    writeln!(out, "files indexed  {}", tally.indexed)?;
    writeln!(out, "files binary   {}", tally.binary)?;
    writeln!(out, "unreadable     {unreadable}")?;
    writeln!(out, "bytes indexed  {}", tally.bytes)?;
    writeln!(out, "terms          {}", ranked.len())?;
    writeln!(out, "postings       {}", ranked.iter().map(|entry| entry.postings.len()).sum::<usize>())?;
    writeln!(out, "occurrences    {}", ranked.iter().map(|entry| entry.occurrences).sum::<usize>())?;

    writeln!(out, "\n{:>11} {:>6}  term", "occurrences", "files")?;
    for entry in ranked.iter().take(top) {
        writeln!(out, "{:>11} {:>6}  {}", entry.occurrences, entry.postings.len(), entry.term)?;
    }
    for entry in ranked.iter().take(EXAMPLE_TERMS) {
        writeln!(out, "\n{}", entry.term)?;
        for posting in entry.postings.iter().take(EXAMPLE_POSTINGS) {
            let Posting { file, first_line, occurrences } = *posting;
            writeln!(out, "    {}:{first_line} ({occurrences} in this file)", paths[file].display())?;
        }
    }
    out.flush()
}
