//! One process of a subject: asked, awaited, and its answer read.

use cenote_bench_protocol::{Job, Report, WorkloadInfo};
use serde::de::DeserializeOwned;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;
use wait_timeout::ChildExt;

/// What a process that ended left behind.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Ended {
    /// The last line of standard output, read as JSON.
    fn answer<T: DeserializeOwned>(&self) -> Result<T, String> {
        if !self.status.success() {
            return Err(self.death());
        }
        let line = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(line).map_err(|error| format!("printed what is no answer: {error}"))
    }

    /// How it died, with its last words.
    pub fn death(&self) -> String {
        match self.stderr.lines().rev().find(|line| !line.trim().is_empty()) {
            Some(line) => format!("{}: {}", self.status, line.trim()),
            None => self.status.to_string(),
        }
    }
}

/// Runs `command` to its end.
///
/// # Errors
/// When it cannot be started, or has not ended after `timeout`; it is killed then.
pub fn run_to_end(command: &mut Command, timeout: Duration) -> Result<Ended, String> {
    let mut child = command
        // A user's interrupt is for the runner alone, which waits for the run that it would spoil.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    // Both pipes are read while it runs: one that is full would stop it.
    let stdout = read_aside(child.stdout.take());
    let stderr = read_aside(child.stderr.take());
    let status = match child.wait_timeout(timeout) {
        Ok(Some(status)) => Ok(status),
        Ok(None) => Err(kill(child, format!("no answer within {} s", timeout.as_secs_f64()))),
        Err(error) => Err(kill(child, error.to_string())),
    };
    let (stdout, stderr) = (stdout.join().expect("reads"), stderr.join().expect("reads"));
    Ok(Ended { status: status?, stdout, stderr })
}

fn read_aside(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came before an error is all there is to read.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Kills `child` and what it started, which has the pipes too.
fn kill(mut child: Child, why: String) -> String {
    // SAFETY: it sends a signal to the group that the child leads, which was not waited for: the number is still its own.
    unsafe { libc::kill(-child.id().cast_signed(), libc::SIGKILL) };
    match child.kill().and_then(|()| child.wait()) {
        Ok(_) => why,
        Err(error) => format!("{why}, and it cannot be killed: {error}"),
    }
}

/// The workloads that a subject has.
///
/// # Errors
/// How it failed to say so.
pub fn list(program: &Path, timeout: Duration) -> Result<Vec<WorkloadInfo>, String> {
    run_to_end(Command::new(program).arg("list"), timeout)?.answer()
}

/// What `job` costs with a subject, in a process of its own.
///
/// # Errors
/// How the process died.
pub fn run(program: &Path, job: &Job, timeout: Duration) -> Result<Report, String> {
    let job = serde_json::to_string(job).expect("plain data");
    run_to_end(Command::new(program).arg("run").arg(job), timeout)?.answer()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn the_last_line_is_the_answer() {
        let ended = run_to_end(&mut shell("echo noise; echo 42"), LONG).unwrap();
        assert_eq!(ended.answer(), Ok(42));
    }

    #[test]
    fn a_crash_is_told_with_its_signal_and_last_words() {
        let ended = run_to_end(&mut shell("echo corrupt heap >&2; kill -SEGV $$"), LONG).unwrap();
        let told = ended.answer::<u64>().unwrap_err();
        assert!(told.contains("SIGSEGV") && told.ends_with("corrupt heap"), "{told}");
    }

    #[test]
    fn a_hanging_process_is_killed_and_told() {
        let told = run_to_end(&mut shell("exec sleep 1000"), Duration::from_millis(50)).unwrap_err();
        assert_eq!(told, "no answer within 0.05 s");
    }

    #[test]
    fn what_a_hanging_process_started_is_killed_too() {
        let begun = Instant::now();
        let told = run_to_end(&mut shell("sleep 1000; true"), Duration::from_millis(50)).unwrap_err();
        assert_eq!(told, "no answer within 0.05 s");
        assert!(begun.elapsed() < LONG, "it waited for who has the pipes still");
    }

    #[test]
    fn babble_is_not_an_answer() {
        let ended = run_to_end(&mut shell("echo babble"), LONG).unwrap();
        assert!(ended.answer::<u64>().unwrap_err().starts_with("printed what is no answer"));
    }

    #[test]
    fn more_output_than_a_pipe_holds_is_read() {
        let ended = run_to_end(&mut shell("yes | head -c 1000000"), LONG).unwrap();
        assert_eq!(ended.stdout.len(), 1_000_000);
    }

    #[test]
    fn a_missing_program_is_named() {
        let told = list(Path::new("/nowhere/subject-nobody"), LONG).unwrap_err();
        assert!(told.starts_with("/nowhere/subject-nobody: "), "{told}");
    }
}
