//! `markdown`: a generator of static sites.
//!
//! It imitates mdBook or Zola: all pages are read into events, whose links and headings are collected for a table of
//! contents, and rendered to HTML; pages are kept until the whole site is there. A growing buffer per page, small texts
//! beside it.
//!
//! Its number cannot show the writing of files, which is most of such a program's time.

use super::corpus::Corpus;
use super::expect;
use crate::{Outcome, Pass, Prepare, Setting, Workload, input};
use cenote_bench_protocol::Group;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// Pages to HTML.
pub const WORKLOAD: Workload = Workload {
    name: "markdown",
    group: Group::Program,
    about: "pulldown-cmark turns the pages of a site into events, a table of contents and HTML",
    quick: false,
    scales: false,
    threads: 1,
    warm_up: 0,
    prepare: Prepare::Reading { write, read },
};

/// What is in the pages.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Content {
    headings: usize,
    links: usize,
    rows: usize,
}

struct Page {
    html: String,
    contents: Vec<String>,
    links: Vec<String>,
}

fn write(setting: &Setting) -> Vec<u8> {
    let mut corpus = Corpus::new(setting.seed);
    let mut content = Content::default();
    let sources: Vec<_> = (0..setting.scaled(350)).map(|_| write_page(&mut corpus, &mut content)).collect();
    input::encode(&(sources, content))
}

fn read(_: &Setting, input: &'static [u8]) -> Pass {
    let (sources, content): (Vec<&str>, Content) = input::decode(input);
    Box::new(move || render(&sources, content))
}

fn write_page(corpus: &mut Corpus, content: &mut Content) -> String {
    let mut page = String::new();
    for section in 0..corpus.rng().between(4, 16) {
        content.headings += 1;
        writeln!(page, "## {section} {}\n", corpus.sentence(3)).expect("written to memory");
        for _ in 0..3 {
            content.links += 1;
            let (start, link, end) = (corpus.sentence(25), corpus.word(), corpus.sentence(15));
            writeln!(page, "{start} *{link}* [{link}](https://example.org/{link}) **{end}** `code`.\n")
                .expect("written to memory");
        }
        page.push_str("| name | value |\n|---|---|\n");
        for row in 0..corpus.rng().between(2, 6) {
            content.rows += 1;
            writeln!(page, "| {} | {row} |", corpus.word()).expect("written to memory");
        }
        writeln!(page, "\n- {}\n- {}\n\n```rust\nfn main() {{}}\n```\n", corpus.sentence(6), corpus.sentence(9))
            .expect("written to memory");
    }
    page
}

fn render(sources: &[&str], expected: Content) -> Outcome {
    let mut site = Vec::new();
    for source in sources {
        let events: Vec<Event> = Parser::new_ext(source, Options::ENABLE_TABLES).collect();
        let mut page = Page { html: String::new(), contents: Vec::new(), links: Vec::new() };
        let mut heading: Option<String> = None;
        for event in &events {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => page.contents.extend(heading.take()),
                Event::Text(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(text);
                    }
                }
                Event::Start(Tag::Link { dest_url, .. }) => page.links.push(dest_url.to_string()),
                _ => {}
            }
        }
        html::push_html(&mut page.html, events.into_iter());
        site.push(page);
    }
    let occurrences = |tag: &str| site.iter().map(|page| page.html.matches(tag).count()).sum::<usize>();
    expect("headings", site.iter().map(|page| page.contents.len()).sum(), expected.headings)?;
    expect("links", site.iter().map(|page| page.links.len()).sum(), expected.links)?;
    expect("headings in HTML", occurrences("<h2>"), expected.headings)?;
    expect("links in HTML", occurrences("<a href=\"https://example.org/"), expected.links)?;
    // Each table has a row of names, and each section a table.
    expect("rows in HTML", occurrences("<tr>"), expected.rows + expected.headings)?;
    Ok(site.iter().fold(0, |sum, page| sum.wrapping_mul(31).wrapping_add(page.html.len() as u64)))
}
