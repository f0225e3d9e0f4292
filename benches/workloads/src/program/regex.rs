//! `regex`: a scanner of logs that is configured with patterns.
//!
//! It imitates a log shipper or a linter at its start: dozens of patterns are compiled, each through a syntax tree, an
//! automaton and its caches, and then run over a file that is not very large. Captures are copied out, as for a report.
//!
//! Its number cannot show a search through gigabytes, which does not allocate at all.

use super::corpus::Corpus;
use super::{expect, spoiled};
use crate::{Outcome, Pass, Prepare, Setting, Workload, input};
use cenote_bench_protocol::Group;
use regex::{Regex, RegexSet};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// Compile and match.
pub const WORKLOAD: Workload = Workload {
    name: "regex",
    group: Group::Program,
    about: "regex compiles a few dozen patterns and runs them over a log",
    quick: true,
    scales: false,
    threads: 1,
    warm_up: 0,
    prepare: Prepare::Reading { write, read },
};

/// What a line of the log tells.
const LINE: &str = r"^(?<date>\d{4}-\d{2}-\d{2})T(?<time>[\d:]+)Z\s+(?<level>ERROR|WARN|INFO)\s+(?<host>(?:\d{1,3}\.){3}\d{1,3})\s+user=(?<user>\w+)\s+(?<text>.*)$";

#[derive(Serialize, Deserialize)]
struct Log<Text> {
    text: Text,
    lines: usize,
    errors: usize,
    /// Bytes of all names of users.
    user_bytes: usize,
    /// Topics, each with a pattern of its own, and how many lines mention it.
    topics: Vec<(Text, usize)>,
}

fn write(setting: &Setting) -> Vec<u8> {
    input::encode(&write_log(setting.seed, setting.scaled(48), setting.scaled(8_500)))
}

fn read(_: &Setting, input: &'static [u8]) -> Pass {
    let log: Log<&str> = input::decode(input);
    Box::new(move || scan(&log))
}

fn write_log(seed: u64, topics: usize, lines: usize) -> Log<String> {
    let mut corpus = Corpus::new(seed);
    let topics = (0..topics).map(|n| (format!("topic-{n}-{}", corpus.word()), 0)).collect();
    let mut log = Log { text: String::new(), lines, errors: 0, user_bytes: 0, topics };
    for n in 0..lines {
        let topic = corpus.rng().below(log.topics.len());
        log.topics[topic].1 += 1;
        let error = corpus.rng().below(10) == 0;
        log.errors += usize::from(error);
        let user = corpus.word();
        log.user_bytes += user.len();
        let host: [u8; 4] = std::array::from_fn(|_| corpus.rng().below(256) as u8);
        let length = corpus.rng().between(2, 12);
        writeln!(
            log.text,
            "2026-11-{:02}T{:02}:{:02}:{:02}Z {} {}.{}.{}.{} user={user} {} {} done",
            n % 28 + 1,
            n / 3600 % 24,
            n / 60 % 60,
            n % 60,
            if error { "ERROR" } else { "INFO" },
            host[0],
            host[1],
            host[2],
            host[3],
            corpus.sentence(length),
            log.topics[topic].0,
        )
        .expect("written to memory");
    }
    log
}

fn scan(log: &Log<&str>) -> Outcome {
    let line = Regex::new(LINE).map_err(spoiled)?;
    let sources: Vec<_> = log
        .topics
        .iter()
        .map(|(topic, _)| format!(r"(?i)\b{}\s+done\b[[:punct:]]*\s*$", regex::escape(&topic.to_uppercase())))
        .collect();
    let patterns = sources.iter().map(|source| Regex::new(source)).collect::<Result<Vec<_>, _>>().map_err(spoiled)?;
    let set = RegexSet::new(&sources).map_err(spoiled)?;

    let mut records = Vec::new();
    let mut mentions = vec![0; patterns.len()];
    for text in log.text.lines() {
        let captures = line.captures(text).ok_or_else(|| format!("line not recognised: {text}"))?;
        let field = |name: &str| captures[name].to_owned();
        let found = set.matches(text);
        for topic in found.iter() {
            mentions[topic] += usize::from(patterns[topic].is_match(text));
        }
        records.push([field("date"), field("level"), field("host"), field("user"), field("text")]);
    }
    expect("lines", records.len(), log.lines)?;
    expect("errors", records.iter().filter(|record| record[1] == "ERROR").count(), log.errors)?;
    expect("bytes of users", records.iter().map(|record| record[3].len()).sum(), log.user_bytes)?;
    for (found, (topic, expected)) in mentions.iter().zip(&log.topics) {
        expect(topic, *found, *expected)?;
    }
    Ok(records.iter().flatten().map(|field| field.len() as u64).sum())
}
