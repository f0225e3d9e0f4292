//! Which samples count, and which allocators are wrong.
//!
//! An allocator is not timed in a workload where any of its runs went wrong: a report that says so, a process that died,
//! or an answer that the other allocators do not give. An answer is taken for right when most allocators give it; when
//! as many give another, the system allocator decides, and without it nobody is right.

use cenote_bench_protocol::{Report, Sample};
use std::collections::{HashMap, HashSet};

/// How an allocator did in a workload.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<T> {
    /// It was measured.
    Measured(T),
    /// It gave a wrong answer or damaged a block: how.
    Wrong(String),
    /// The process died or hung: how.
    Crashed(String),
    /// There is no sample.
    NotRun,
}

impl<T> Outcome<T> {
    /// What was measured.
    pub fn measured(&self) -> Option<&T> {
        match self {
            Self::Measured(measured) => Some(measured),
            _ => None,
        }
    }

    /// What went wrong, as a word and its reason.
    pub fn fault(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Wrong(reason) => Some(("wrong", reason)),
            Self::Crashed(reason) => Some(("crashed", reason)),
            Self::Measured(_) | Self::NotRun => None,
        }
    }
}

/// The allocator that a name means: a second copy is the allocator that it is a copy of.
pub fn original(subject: &str) -> &str {
    subject.strip_suffix("#2").unwrap_or(subject)
}

/// The name of the second copy of an allocator.
pub fn copy_of(subject: &str) -> String {
    format!("{subject}#2")
}

/// A run that counts: the repetition that it belongs to, and what it reported.
pub(super) type Good<'a> = (u32, &'a Report);

/// A job: workload, threads, divisor, seed.
type Key<'a> = (&'a str, Option<usize>, u32, u64);

/// The jobs' right answers, where there is one.
pub(super) struct Answers<'a> {
    by_job: HashMap<Key<'a>, Option<u64>>,
}

impl<'a> Answers<'a> {
    /// Asks all samples.
    pub(super) fn new(samples: &'a [Sample]) -> Self {
        let mut given: HashMap<_, HashMap<u64, HashSet<&str>>> = HashMap::new();
        for sample in samples {
            if let Ok(report) = &sample.result
                && report.wrong.is_none()
            {
                let answers = given.entry(Self::key(sample)).or_default();
                answers.entry(report.answer).or_default().insert(original(&sample.subject));
            }
        }
        let by_job = given.into_iter().map(|(job, answers)| (job, Self::right(&answers))).collect();
        Self { by_job }
    }

    fn key(sample: &Sample) -> Key<'_> {
        (&sample.job.workload, sample.job.threads, sample.job.divisor, sample.job.seed)
    }

    fn right(answers: &HashMap<u64, HashSet<&str>>) -> Option<u64> {
        let most = answers.values().map(HashSet::len).max()?;
        let mut likely = answers.iter().filter(|(_, subjects)| subjects.len() == most);
        let (&first, _) = likely.next()?;
        if likely.next().is_none() {
            return Some(first);
        }
        answers.iter().find(|(_, subjects)| subjects.contains("system")).map(|(&answer, _)| answer)
    }

    /// The runs that `samples`, all of one allocator in one workload, come from; or what went wrong.
    pub(super) fn judge<'s>(&self, samples: &[&'s Sample]) -> Outcome<Vec<Good<'s>>> {
        let mut runs = Vec::new();
        for sample in samples {
            match &sample.result {
                Err(death) => return Outcome::Crashed(death.clone()),
                Ok(Report { wrong: Some(wrong), .. }) => return Outcome::Wrong(wrong.clone()),
                Ok(report) => match self.by_job.get(&Self::key(sample)).copied().flatten() {
                    Some(right) if right == report.answer => runs.push((sample.repetition, report)),
                    Some(right) => {
                        let reason = format!("answers {:#x} where the others answer {right:#x}", report.answer);
                        return Outcome::Wrong(reason);
                    }
                    None => return Outcome::Wrong("the allocators disagree on the answer".into()),
                },
            }
        }
        if runs.is_empty() { Outcome::NotRun } else { Outcome::Measured(runs) }
    }
}
