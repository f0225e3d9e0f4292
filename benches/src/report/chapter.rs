//! The chapter of the documentation: Markdown, and its pictures as files.

use super::{plot, terminal, text};
use crate::statistics::{MemoryCurve, Quantity, Section, Summary, goals};
use cenote_bench_protocol::{Group, Results};
use comfy_table::Table;

/// A picture in a file of its own.
pub(super) struct Picture {
    /// The file's name.
    pub(super) file: String,
    /// Its contents.
    pub(super) svg: String,
}

/// The chapter.
pub(super) struct Chapter {
    /// The name of its file, without the extension, and of the folder of its pictures beside it.
    pub(super) name: &'static str,
    /// Its text.
    pub(super) markdown: String,
    /// Its pictures.
    pub(super) pictures: Vec<Picture>,
}

impl Chapter {
    fn heading(&mut self, level: usize, title: &str) {
        self.paragraph(&format!("{} {}", "#".repeat(level), escaped(title)));
    }

    /// Text that is Markdown already.
    fn paragraph(&mut self, text: &str) {
        self.markdown.push_str(text);
        self.markdown.push_str("\n\n");
    }

    fn list(&mut self, sentences: impl IntoIterator<Item = String>) {
        let lines: Vec<String> = sentences.into_iter().map(|sentence| format!("- {sentence}")).collect();
        self.paragraph(&lines.join("\n"));
    }

    fn table(&mut self, table: &Table) {
        self.paragraph(&table.to_string());
    }

    fn picture(&mut self, name: &str, about: &str, svg: &str) {
        let file = format!("{name}.svg");
        self.paragraph(&format!("![{}]({}/{file})", escaped(about), self.name));
        self.pictures.push(Picture { file, svg: plot::standalone(svg) });
    }
}

/// Text as it is, whatever it holds.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&' => escaped.extend(['\\', character]),
            '\n' | '\r' => escaped.push(' '),
            character => escaped.push(character),
        }
    }
    escaped
}

/// The chapter of a run.
pub(super) fn chapter(results: &Results, summary: &Summary) -> Chapter {
    let (name, title) = if text::has_lto(results) {
        ("benchmarks-lto", "Benchmarks, profile lto")
    } else {
        ("benchmarks", "Benchmarks")
    };
    let mut chapter = Chapter { name, markdown: String::new(), pictures: Vec::new() };
    chapter.heading(1, title);
    chapter.paragraph(&format!(
        "{} allocators, {} workloads, {} processes, measured on {} with `{}`, written by `cenote-bench docs`; do not edit.",
        summary.subjects.len(),
        results.workloads.len(),
        results.samples.len(),
        text::date(results),
        results.command.replace('`', ""),
    ));
    chapter.paragraph(text::profile(results));
    if let Some(warning) = summary.noise.as_ref().and_then(|noise| noise.warning()) {
        chapter.paragraph(&format!("> **Noise:** {}.", escaped(&warning)));
    }

    chapter.heading(2, "At a glance");
    if let Some(svg) = plot::scatter::scatter(summary) {
        chapter.picture("time-and-memory", "Time against memory, every allocator a point", &svg);
    }
    chapter.paragraph(
        "Geometric means of the ratios to the best of each workload; 1.000 would be the best everywhere. In brackets: not \
         measured in every workload, so not ranked. *First or near* counts the workloads in which an allocator's wall time \
         is the least or within 3 % of it.",
    );
    chapter.table(&terminal::means(summary));

    for section in &summary.sections {
        group(&mut chapter, summary, section);
    }
    scaling(&mut chapter, results, summary);
    memory(&mut chapter, summary);
    if let Some(table) = terminal::instructions(summary) {
        chapter.heading(2, "Instructions");
        chapter.paragraph(text::INSTRUCTIONS);
        chapter.table(&table);
    }
    left_out(&mut chapter, results, summary);

    chapter.heading(2, "What cenote is to reach");
    chapter.table(&terminal::reached(&goals(summary)));
    circumstances(&mut chapter, results, summary);
    chapter.markdown.truncate(chapter.markdown.trim_end().len());
    chapter.markdown.push('\n');
    chapter
}

fn group(chapter: &mut Chapter, summary: &Summary, section: &Section) {
    let Some(group) = section.group.filter(|group| *group != Group::Memory) else { return };
    chapter.heading(2, text::group(group));
    chapter.paragraph(text::about(group));
    if let Some(svg) = plot::dots::dots(summary, section, text::group(group)) {
        chapter.picture(text::short(group), &format!("{}: wall time over the best", text::group(group)), &svg);
        chapter.paragraph(text::DOTS);
    }
    chapter.paragraph("Wall time over the best, which has a star:");
    chapter.table(&terminal::rows(summary, section, Quantity::Wall));
    let workloads = summary.headlines(Some(group)).map(|row| &row.workload);
    chapter.list(workloads.map(|workload| format!("`{}`: {}", workload.name, escaped(&workload.about))));
}

fn scaling(chapter: &mut Chapter, results: &Results, summary: &Summary) {
    let curves = summary.scaling();
    if !curves.is_empty() {
        chapter.heading(2, "Scaling");
        let svg = plot::scaling::grid(&curves, &summary.subjects, results.machine.cpus);
        chapter.picture("scaling", "Passes a second by threads", &svg);
        chapter.paragraph(text::SCALING);
    }
}

fn memory(chapter: &mut Chapter, summary: &Summary) {
    chapter.heading(2, "Memory");
    chapter.paragraph("Peak resident set over the lowest, which has a star:");
    chapter.table(&terminal::rows(summary, &summary.overall, Quantity::PeakRss));
    for curves in summary.curves.chunk_by(|a, b| a.workload == b.workload) {
        let curves: Vec<&MemoryCurve> = curves.iter().collect();
        let workload = &curves[0].workload;
        chapter.heading(3, workload);
        if let Some(row) = summary.headlines(None).find(|row| row.workload.name == *workload) {
            chapter.paragraph(&escaped(&row.workload.about));
        }
        let svg = plot::curves::grid(&curves, &summary.subjects);
        chapter.picture(&format!("memory-{workload}"), &format!("{workload}: memory over time"), &svg);
        chapter.paragraph(&format!("{} Phases: {}.", text::CURVES, escaped(&text::phases(&curves))));
        chapter.paragraph("Resident MiB at the end of each phase, and over the live bytes:");
        chapter.table(&terminal::phases(&curves));
    }
}

fn left_out(chapter: &mut Chapter, results: &Results, summary: &Summary) {
    let faults = summary.faults();
    let faults = faults.iter().map(|fault| escaped(&format!("{} {fault}", fault.subject)));
    let skipped =
        text::skipped(results).map(|subject| format!("{} skipped: {}", escaped(&subject.name), escaped(&subject.note)));
    let all: Vec<String> = faults.chain(skipped).collect();
    if !all.is_empty() {
        chapter.heading(2, "Left out");
        chapter.list(all);
    }
}

fn circumstances(chapter: &mut Chapter, results: &Results, summary: &Summary) {
    chapter.heading(2, "How this was measured");
    chapter.list(text::METHOD.iter().map(|sentence| escaped(sentence)));
    chapter.paragraph(&escaped(&text::noise(summary)));
    chapter.heading(2, "What the numbers cannot show");
    chapter.list(text::LIMITS.iter().map(|sentence| escaped(sentence)));
    chapter.heading(2, "Machine and versions");
    let mut table = terminal::plain(["", ""]);
    for (name, value) in text::machine(&results.machine) {
        table.add_row([name.to_string(), escaped(&value)]);
    }
    table.add_row(["Build profile", &escaped(&results.profile)]);
    table.add_row(["Took", &text::duration(results)]);
    for subject in text::measured(results) {
        table.add_row([&escaped(&subject.name), &escaped(&subject.version)]);
    }
    chapter.table(&table);
    chapter.heading(2, "Repeat it");
    chapter.paragraph(&format!("```sh\n{}\n```", results.command.replace('`', "")));
}
