//! Tests that need a process of their own: the test starts its own binary again.

use std::env;
use std::process::{Command, Output};

/// Holds what the parent tells the child.
const VARIABLE: &str = "TEST_CHILD";

/// A command that runs one test of this binary in a new process.
pub fn child(test: &str, message: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("the test binary has a path"));
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(VARIABLE, message);
    command
}

/// What the parent said, in a child.
pub fn message() -> Option<String> {
    env::var(VARIABLE).ok()
}

/// Waits for a child, and panics unless its one test ran well; returns what it wrote on stderr.
pub fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the child starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success() && stdout.contains("1 passed"), "{status}\n{stdout}\n{stderr}");
    stderr.into_owned()
}
