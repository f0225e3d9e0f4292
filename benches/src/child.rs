//! Running a part of the work in a process of its own.
//!
//! The resident set belongs to a process, and so does what earlier work left in an allocator. So the runners start
//! themselves again with the arguments of one part; that process prints its result as one line of JSON.

use serde::{Serialize, de::DeserializeOwned};
use std::process::{Command, Stdio};

/// Prints `result` for the process that called [`run`].
pub fn report(result: &impl Serialize) {
    println!("{}", serde_json::to_string(result).expect("results are plain data"));
}

/// Runs this program with `arguments` and `environment` added, and returns what it reports.
///
/// # Errors
/// What went wrong, in words, when the process fails or reports nothing that can be read.
pub fn run<R: DeserializeOwned>(arguments: &[&str], environment: &[(&str, &str)]) -> Result<R, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let output = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(format!("`{}` ended with {}", arguments.join(" "), output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| format!("`{}` reported {e}", arguments.join(" ")))
}
