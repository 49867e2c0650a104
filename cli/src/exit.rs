//! How a run of `watchbell` ends: the exit codes, and the one line that says why.
//!
//! The codes are a contract with scripts. They are documented in `watchbell analyze --help`.

use std::{fmt, process::ExitCode};

/// What the exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Done, and nothing was found at or above `--fail-on`.
    Done = 0,
    /// Done, and something was found at or above `--fail-on`.
    Found = 1,
    /// Arguments, configuration or sign-in are wrong; nothing was done.
    Usage = 2,
    /// The result is incomplete: a detector failed, or the result could not be written.
    Incomplete = 3,
    /// The server could not be reached, refused, or took the analysis away.
    Server = 4,
    /// Stopped: Ctrl-C, SIGTERM, or cancelled by a member of the project.
    Cancelled = 130,
}

impl Exit {
    /// The number that the shell sees.
    pub fn number(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

/// Why a command ends early: one line that says what happened and what to do, and the exit code that goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// The line.
    pub message: String,
}

impl Failure {
    /// Arguments, configuration or sign-in are wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    /// The result is incomplete.
    pub fn incomplete(message: impl Into<String>) -> Self {
        Self { exit: Exit::Incomplete, message: message.into() }
    }

    /// The server could not be reached, or refused.
    pub fn server(message: impl Into<String>) -> Self {
        Self { exit: Exit::Server, message: message.into() }
    }

    /// Stopped.
    pub fn cancelled(message: impl Into<String>) -> Self {
        Self { exit: Exit::Cancelled, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
