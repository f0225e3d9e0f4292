//! What a reader of the report relies on.

mod synthetic;

use cenote_bench::report;
use cenote_bench::statistics::{Summary, summary};
use cenote_bench_protocol::{Group, Results};
use scraper::{Html, Selector};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use synthetic::{full_run, results, sample, workload};

/// An empty directory for a test.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

fn page_of(results: &Results, name: &str) -> String {
    let path = directory(name).join("in").join("report.html");
    report::write_html(results, &path).unwrap();
    std::fs::read_to_string(path).unwrap()
}

static RUN: LazyLock<Results> = LazyLock::new(full_run);
static SUMMARY: LazyLock<Summary> = LazyLock::new(|| summary(&RUN));
static PAGE: LazyLock<String> = LazyLock::new(|| page_of(&RUN, "page"));
static DOCS: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = directory("docs");
    report::write_docs(&RUN, &directory).unwrap();
    directory
});

/// The text of each element that matches.
fn texts(page: &Html, selector: &str) -> Vec<String> {
    let selector = Selector::parse(selector).unwrap();
    page.select(&selector).map(|element| element.text().collect::<String>().trim().to_string()).collect()
}

/// The pictures within a page, each well-formed.
fn pictures(page: &str) -> Vec<&str> {
    let starts = page.match_indices("<svg").map(|(at, _)| at);
    let pictures: Vec<&str> = starts.map(|at| &page[at..at + page[at..].find("</svg>").unwrap() + 6]).collect();
    for picture in &pictures {
        roxmltree::Document::parse(picture).unwrap();
    }
    pictures
}

#[test]
fn the_page_shows_every_allocator_and_every_workload() {
    let page = Html::parse_document(&PAGE);
    let standings = texts(&page, "table.standings tbody th");
    for subject in &SUMMARY.subjects {
        assert!(standings.iter().any(|shown| shown.contains(subject)), "{subject}");
        assert!(pictures(&PAGE).iter().any(|picture| picture.contains(&format!("\n{subject}\n"))), "{subject}");
    }
    let rows = texts(&page, "table.heat tbody th");
    for workload in &RUN.workloads {
        assert!(rows.contains(&workload.name), "{}", workload.name);
    }
    // The second copy measures the machine and is no allocator of its own.
    assert!(!standings.iter().any(|shown| shown.contains('#')));
}

#[test]
fn the_page_needs_nothing_but_itself() {
    assert!(!PAGE.contains("<script"));
    assert!(!PAGE.contains("src="));
    assert!(!PAGE.contains("@import") && !PAGE.contains("url("));
    // A name space is no address that anything is loaded from.
    assert!(!PAGE.replace("http://www.w3.org/2000/svg", "").contains("http"));
    assert!(pictures(&PAGE).len() > SUMMARY.subjects.len());
}

#[test]
fn the_best_of_every_row_is_marked_and_it_alone() {
    let page = Html::parse_document(&PAGE);
    let (rows, best) = (Selector::parse("table.heat tbody tr").unwrap(), Selector::parse("td.best").unwrap());
    let mut count = 0;
    for row in page.select(&rows) {
        let marked: Vec<String> = row.select(&best).map(|cell| cell.text().collect()).collect();
        assert_eq!(marked, ["1.00"], "{:?}", row.text().collect::<Vec<_>>());
        count += 1;
    }
    // Wall and CPU time of what is timed, peak RSS of all.
    let timed = RUN.workloads.iter().filter(|workload| workload.group != Group::Memory).count();
    assert_eq!(count, 2 * timed + RUN.workloads.len());
}

#[test]
fn a_wrong_allocator_is_shown_as_wrong_and_not_timed() {
    let page = Html::parse_document(&PAGE);
    let faults = texts(&page, "td.fault");
    // In wall time, CPU time and peak RSS.
    assert_eq!(faults.iter().filter(|fault| *fault == "wrong").count(), 3);
    assert_eq!(faults.iter().filter(|fault| *fault == "crashed").count(), 3);
    let reasons = texts(&page, "#left-out li").join("\n");
    assert!(reasons.contains("talc wrong in regex with 1 thread: block 17 <lost> its \"pattern\" & more"), "{reasons}");
    assert!(
        reasons.contains("smmalloc crashed in mstress with 1, 2, 4, 8, 16 threads: killed by signal 11"),
        "{reasons}"
    );
    assert!(reasons.contains("ferroc skipped: needs a nightly compiler"), "{reasons}");
    // Means over fewer rows are not ranked.
    assert!(texts(&page, "table.standings tbody tr:last-child td").iter().any(|mean| mean.starts_with('(')));
}

#[test]
fn the_page_says_where_with_what_and_how_again() {
    let text = texts(&Html::parse_document(&PAGE), "#circumstances").join(" ");
    for fact in ["A Processor 9000", "4 usable", "16.0 GiB", "Linux 6.1", "glibc 2.36", "rustc 1.95.0", "1.2.3"] {
        assert!(text.contains(fact), "{fact}");
    }
    assert!(text.contains(&RUN.command));
    assert!(text.contains("A second copy of cenote ran among the others"));
    assert!(PAGE.contains("2023-11-14 22:13:20 UTC"));
}

#[test]
fn names_are_escaped_everywhere() {
    let evil = "a<b>\"&'|c";
    let run = results(
        vec![workload(evil, Group::Micro), workload("memory", Group::Memory)],
        vec![sample(evil, evil, 0, 1.0, 1.0), sample("cenote", evil, 0, 2.0, 1.0), sample(evil, "memory", 0, 1.0, 1.0)],
    );
    let text = page_of(&run, "escaped");
    assert!(!text.contains("a<b>"));
    let page = Html::parse_document(&text);
    assert!(texts(&page, "table.heat tbody th").contains(&evil.to_string()));
    assert!(pictures(&text).iter().any(|picture| picture.contains("a&lt;b&gt;&quot;&amp;&apos;|c")));
}

#[test]
fn documents_have_every_picture_they_show_and_no_other() {
    let markdown = std::fs::read_to_string(DOCS.join("benchmarks.md")).unwrap();
    let files: Vec<PathBuf> =
        std::fs::read_dir(DOCS.join("benchmarks")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 7, "{files:?}");
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(markdown.contains(&format!("](benchmarks/{name})")), "{name}");
        roxmltree::Document::parse(&std::fs::read_to_string(file).unwrap()).unwrap();
    }
    assert_eq!(markdown.matches("](benchmarks/").count(), files.len());
    for fact in
        ["A Processor 9000", "1.2.3", "cargo run --release", "What the numbers cannot show", "ferroc skipped", "151*"]
    {
        assert!(markdown.contains(fact), "{fact}");
    }
    for workload in &RUN.workloads {
        assert!(markdown.contains(&workload.name));
    }
    assert!(markdown.ends_with('\n') && !markdown.ends_with("\n\n"));
}

#[test]
fn documents_of_two_build_profiles_stand_side_by_side() {
    let directory = directory("profiles");
    let run = results(vec![workload("one", Group::Micro)], vec![sample("cenote", "one", 0, 1.0, 1.0)]);
    let inlined = Results { profile: "lto".into(), ..run.clone() };
    let [plain, inlined] = [run, inlined].map(|run| report::write_docs(&run, &directory).unwrap());
    assert_eq!([&plain, &inlined], [&directory.join("benchmarks.md"), &directory.join("benchmarks-lto.md")]);
    let [plain, inlined] = [plain, inlined].map(|path| std::fs::read_to_string(path).unwrap());
    assert!(plain.contains("ordinary release profile") && plain.contains("](benchmarks/micro.svg)"));
    assert!(inlined.contains("fat link-time optimisation") && inlined.contains("](benchmarks-lto/micro.svg)"));
    assert!(directory.join("benchmarks/micro.svg").exists() && directory.join("benchmarks-lto/micro.svg").exists());
}

#[test]
fn pictures_of_an_earlier_run_do_not_stay() {
    let directory = directory("again");
    let first = results(vec![workload("one", Group::Micro)], vec![sample("cenote", "one", 0, 1.0, 1.0)]);
    let second = results(vec![workload("two", Group::Field)], vec![sample("cenote", "two", 0, 1.0, 1.0)]);
    report::write_docs(&first, &directory).unwrap();
    assert!(directory.join("benchmarks/micro.svg").exists());
    report::write_docs(&second, &directory).unwrap();
    assert!(!directory.join("benchmarks/micro.svg").exists());
    assert!(directory.join("benchmarks/field.svg").exists());
}

#[test]
fn one_allocator_with_one_sample_is_enough() {
    let run = results(vec![workload("alone", Group::Program)], vec![sample("system", "alone", 0, 5.0, 3.0)]);
    let page = page_of(&run, "alone");
    pictures(&page);
    assert!(page.contains("There was no null comparison"));
    let table = report::table_text(&summary(&run));
    assert!(table.contains("1.00*") && table.contains("not measured"), "{table}");
    report::write_docs(&run, &directory("alone-docs")).unwrap();
}

#[test]
fn equal_allocators_are_all_called_the_best() {
    let run = results(
        vec![workload("equal", Group::Micro)],
        vec![sample("cenote", "equal", 0, 5.0, 3.0), sample("system", "equal", 0, 5.0, 3.0)],
    );
    let page = page_of(&run, "equal");
    let page = Html::parse_document(&page);
    let leaders = texts(&page, ".card strong");
    assert!(!leaders.is_empty() && leaders.iter().all(|names| names == "cenote, system"), "{leaders:?}");
    assert!(texts(&page, ".card.ours").is_empty());
}

#[test]
fn a_run_in_which_all_failed_or_nothing_ran_has_a_page_too() {
    let mut crashed = sample("cenote", "broken", 0, 1.0, 1.0);
    crashed.result = Err("timed out after 10 s".into());
    let run = results(vec![workload("broken", Group::Micro)], vec![crashed]);
    let page = page_of(&run, "failed");
    assert!(page.contains("timed out after 10 s"));
    assert!(report::table_text(&summary(&run)).contains("crashed"));
    let nothing = results(Vec::new(), Vec::new());
    page_of(&nothing, "nothing");
    report::write_docs(&nothing, &directory("nothing-docs")).unwrap();
    report::table_text(&summary(&nothing));
}

#[test]
fn the_terminal_shows_ratios_means_and_faults() {
    let table = report::table_text(&SUMMARY);
    for subject in &SUMMARY.subjects {
        assert!(table.contains(subject.as_str()));
    }
    assert!(table.contains("| geometric mean"));
    assert!(table.contains("talc wrong in regex"));
    assert!(table.contains("warning: the machine was noisy"));
    assert!(table.contains("share of all timed workloads"));
    let counts = table.lines().find(|line| line.starts_with("| pairs-16") && line.contains("151*")).unwrap();
    assert!(counts.contains("183") && counts.contains('-'), "{counts}");
}
