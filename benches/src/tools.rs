//! Which tools the machine has.

use crate::subjects::Tool;
use std::env;
use std::ffi::OsString;

impl Tool {
    /// What it is called in a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::C => "a C compiler",
            Self::Cxx => "a C++ compiler",
            Self::Cmake => "CMake",
        }
    }

    /// How to get it.
    pub const fn how_to_get(self) -> &'static str {
        match self {
            Self::C => "install gcc or clang (Debian: apt install gcc; Fedora: dnf install gcc), or set CC",
            Self::Cxx => "install g++ or clang (Debian: apt install g++; Fedora: dnf install gcc-c++), or set CXX",
            Self::Cmake => "install cmake (Debian: apt install cmake; Fedora: dnf install cmake), or set CMAKE",
        }
    }

    /// The variable that names it, as build scripts read it, and what they look for otherwise.
    const fn commands(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::C => ("CC", &["cc", "gcc", "clang"]),
            Self::Cxx => ("CXX", &["c++", "g++", "clang++"]),
            Self::Cmake => ("CMAKE", &["cmake"]),
        }
    }

    /// Whether this machine has it.
    pub fn is_here(self) -> bool {
        let (variable, usual) = self.commands();
        match env::var_os(variable).filter(|value| !value.is_empty()) {
            Some(command) => which::which(first_word(&command)).is_ok(),
            None => usual.iter().any(|command| which::which(command).is_ok()),
        }
    }
}

/// What of `needs` this machine lacks, and how to get it.
pub fn missing(needs: &[Tool]) -> Option<String> {
    missing_where(needs, Tool::is_here)
}

/// What of `needs` is lacking where `is_here` tells which tools there are.
pub fn missing_where(needs: &[Tool], is_here: impl Fn(Tool) -> bool) -> Option<String> {
    let lacking = needs.iter().copied().filter(|&tool| !is_here(tool));
    let lines: Vec<_> = lacking.map(|tool| format!("needs {}: {}", tool.name(), tool.how_to_get())).collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

/// A compiler may be set with arguments, or behind a wrapper such as `ccache gcc`.
fn first_word(command: &OsString) -> OsString {
    match command.to_str().and_then(|text| text.split_whitespace().next()) {
        Some(word) => word.into(),
        None => command.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_may_have_arguments() {
        assert_eq!(first_word(&"ccache gcc -m64".into()), "ccache");
        assert_eq!(first_word(&"gcc".into()), "gcc");
    }
}
