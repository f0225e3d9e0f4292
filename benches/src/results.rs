//! The files of results.

use anyhow::{Context, Result};
use cenote_bench_protocol::Results;
use std::fs;
use std::path::Path;

/// Reads results.
///
/// # Errors
/// When the file cannot be read, or is something else.
pub fn read(path: &Path) -> Result<Results> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} holds no results of cenote-bench", path.display()))
}

/// Writes results, and makes the folder for them.
///
/// # Errors
/// What the file system says.
pub fn write(results: &Results, path: &Path) -> Result<()> {
    make_folder_of(path)?;
    let text = serde_json::to_string(results)?;
    fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
}

/// Makes the folder that is to hold `path`.
///
/// # Errors
/// What the file system says.
pub fn make_folder_of(path: &Path) -> Result<()> {
    match path.parent() {
        Some(folder) => fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cenote_bench_protocol::{Job, Machine, Report, Sample, Subject};

    #[test]
    fn results_survive_a_file() {
        let job = Job { workload: "larson".into(), threads: Some(4), divisor: 2, seed: 9 };
        let report = Report { wall_ns: 3, peak_rss_bytes: u64::MAX, ..Report::default() };
        let sample = |result| Sample { subject: "cenote".into(), repetition: 1, job: job.clone(), result };
        let results = Results {
            machine: Machine { cpu: "a \"quoted\" name".into(), cpus: 2, ..Machine::default() },
            begun_unix_s: 1_700_000_000,
            took_s: 1.5,
            command: "cenote-bench --quick".into(),
            profile: "release".into(),
            subjects: vec![Subject { name: "cenote".into(), version: "1".into(), note: "".into(), present: true }],
            workloads: Vec::new(),
            samples: vec![sample(Ok(report)), sample(Err("signal: 11".into()))],
            instructions: vec![("cenote".into(), "larson".into(), 12)],
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made/results.json");
        write(&results, &path).unwrap();
        assert_eq!(read(&path).unwrap(), results);
    }

    #[test]
    fn what_is_no_file_of_results_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        let told = format!("{:#}", read(&path).unwrap_err());
        assert!(told.contains("cannot read") && told.contains("results.json"), "{told}");
        fs::write(&path, "{\"samples\": []}").unwrap();
        let told = format!("{:#}", read(&path).unwrap_err());
        assert!(told.contains("holds no results") && told.contains("results.json"), "{told}");
    }
}
