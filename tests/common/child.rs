//! Programs in processes of their own: the test that wants one runs its own binary again, with nothing but itself.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

/// Says to the test which of its programs to be. Not `CENOTE_*`: that would be an option.
const ROLE: &str = "TEST_CHILD_ROLE";

/// Options for a program whose free memory stays backed, and which has no thread but its own.
#[allow(dead_code, reason = "each test file is a crate, and not all of them want it")]
pub const STILL: &[(&str, &str)] = &[("PURGE", "off")];

/// Plays `program` in a process that has the given options, the names without `CENOTE_`. `test` is the name of the calling
/// test, which comes here again in that process.
pub fn run(test: &str, options: &[(&str, &str)], program: impl FnOnce()) -> Finished {
    run_prepared(test, options, "", |_| {}, program)
}

/// Does as [`run`], and calls `prepare` on what will start the process; `how` tells apart calls that differ in that alone.
pub fn run_prepared(
    test: &str,
    options: &[(&str, &str)],
    how: &str,
    prepare: impl FnOnce(&mut Command),
    program: impl FnOnce(),
) -> Finished {
    // Several calls in one test are told apart by their options.
    let role = format!("{test}{options:?}{how}");
    match std::env::var(ROLE) {
        Ok(mine) if mine == role => {
            program();
            std::process::exit(0);
        }
        // Not this one: whatever is returned is not looked at, as the right one exits.
        Ok(_) => return Finished { output: None },
        Err(_) => {}
    }
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(ROLE, role).env("RUST_BACKTRACE", "0");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CENOTE_")) {
        command.env_remove(name);
    }
    command.envs(options.iter().map(|(name, value)| (format!("CENOTE_{name}"), value)));
    prepare(&mut command);
    Finished { output: Some(command.output().expect("this program can be run")) }
}

/// How a program ended.
#[must_use]
pub struct Finished {
    output: Option<Output>,
}

/// Shows a place or a number to whoever called [`run`], at once: the program may be about to die.
#[macro_export]
macro_rules! show {
    ($name:literal, $value:expr) => {
        println!(concat!("\nshow ", $name, "={}"), $value)
    };
}

impl Finished {
    /// The value of that name which the program showed; zero where there is no program.
    #[allow(dead_code, reason = "each test file is a crate, and not all of them look")]
    pub fn shown(&self, name: &str) -> &str {
        let Some(output) = &self.output else { return "0" };
        let stdout = str::from_utf8(&output.stdout).expect("programs print text");
        let mut values =
            stdout.lines().filter_map(|line| line.strip_prefix("show ")?.strip_prefix(name)?.strip_prefix('='));
        values.next_back().unwrap_or_else(|| panic!("no `{name}` in:\n{stdout}"))
    }

    /// Standard error, of which nothing may be left out.
    #[allow(dead_code, reason = "as above")]
    pub fn stderr(&self) -> &str {
        self.output.as_ref().map_or("", |output| str::from_utf8(&output.stderr).expect("programs print text"))
    }

    /// Whether the program ran elsewhere: then there is nothing to look at.
    #[allow(dead_code, reason = "as above")]
    pub fn is_elsewhere(&self) -> bool {
        self.output.is_none()
    }

    /// Panics unless `message` is all of standard error.
    #[allow(dead_code, reason = "as above")]
    pub fn assert_said(&self, message: &str) {
        assert!(self.is_elsewhere() || self.stderr() == message, "{:?}, not {message:?}", self.stderr());
    }

    /// Panics unless the program was killed by `SIGABRT` and had `message` as its only line on standard error, where each
    /// `{name}` stands for what the program showed by that name.
    #[allow(dead_code, reason = "as above")]
    pub fn assert_died_saying(&self, message: &str) {
        let Some(output) = &self.output else { return };
        let mut expected = String::new();
        let mut rest = message;
        while let Some((before, name_and_rest)) = rest.split_once('{') {
            let (name, after) = name_and_rest.split_once('}').expect("a brace is closed");
            expected += before;
            expected += self.shown(name);
            rest = after;
        }
        expected += rest;
        assert_eq!(self.stderr(), format!("cenote: {expected}\n"), "{:?}", output.status);
        assert_eq!(output.status.signal(), Some(libc::SIGABRT));
    }

    /// Panics unless the program ended well, and silently.
    #[allow(dead_code, reason = "as above")]
    pub fn assert_silent(&self) -> &Self {
        self.assert_succeeded();
        self.assert_said("");
        self
    }

    /// Panics unless the program ended well.
    #[allow(dead_code, reason = "as above")]
    pub fn assert_succeeded(&self) -> &Self {
        if let Some(output) = &self.output {
            let stdout = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{:?}\n{stdout}{}", output.status, self.stderr());
        }
        self
    }
}
