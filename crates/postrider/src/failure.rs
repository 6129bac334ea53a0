//! How a command ends when it does not end well: a plain sentence on standard error, and an exit code that scripts can tell apart.

use std::fmt;
use std::io;

use crate::config::Problems;

/// What was asked for failed or was refused.
pub(crate) const FAILED: u8 = 1;
/// The command line cannot be read; clap's own.
pub(crate) const UNREADABLE: u8 = 2;
/// The configuration was refused.
pub(crate) const MISCONFIGURED: u8 = 3;
/// No server could be reached.
pub(crate) const UNREACHABLE: u8 = 4;
/// Ctrl-C; what shells say of who was ended by it.
const INTERRUPTED: u8 = 130;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was wrong has been printed as the command's result; this is the exit code.
    Told(u8),
    /// A sentence.
    Said(String),
    /// The server refused.
    Refused(Refusal),
    /// What the command line asks for cannot be meant.
    Unreadable(String),
    /// The configuration was refused.
    Configuration(Problems),
    /// No server could be reached.
    Unreachable(String),
    /// Whoever waited for the end does not any more.
    Interrupted(String),
    /// The reader of the output went away, as in `postrider config show | head`.
    OutputClosed,
}

/// A refusal of the server.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Its code, where it has one: those of Frontegg's API have none.
    pub(crate) code: Option<String>,
    /// What is said of it.
    pub(crate) message: String,
}

impl Failure {
    /// A failure in a sentence.
    pub(crate) fn said(what: impl fmt::Display) -> Self {
        Self::Said(what.to_string())
    }

    /// The exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Told(code) => *code,
            Self::Said(_) | Self::Refused(_) => FAILED,
            Self::Unreadable(_) => UNREADABLE,
            // Who starts it again when it has failed is to do so.
            Self::Configuration(problems) if problems.may_pass() => FAILED,
            Self::Configuration(_) => MISCONFIGURED,
            Self::Unreachable(_) => UNREACHABLE,
            Self::Interrupted(_) => INTERRUPTED,
            Self::OutputClosed => 0,
        }
    }

    /// What is printed to standard error; nothing where it has been told.
    pub(crate) fn message(&self) -> Option<String> {
        match self {
            Self::Told(_) | Self::OutputClosed => None,
            Self::Said(what) | Self::Unreadable(what) | Self::Unreachable(what) | Self::Interrupted(what) => {
                Some(what.clone())
            }
            Self::Refused(refusal) => Some(refusal.message.clone()),
            Self::Configuration(problems) => Some(problems.to_string()),
        }
    }

    /// The same for programs: `{"error", "problems"}` on one line, the latter where a configuration was refused.
    pub(crate) fn report(&self, message: &str) -> serde_json::Value {
        match self {
            Self::Configuration(problems) => serde_json::json!({ "error": message, "problems": problems }),
            _ => serde_json::json!({ "error": message }),
        }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Configuration(problems)
    }
}

/// Only output is written with `?`.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::OutputClosed } else { Self::Said(with_causes(&error)) }
    }
}

/// An error with its causes in one sentence.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        // Some libraries repeat their cause.
        if !sentence.contains(&text) {
            sentence.push_str(": ");
            sentence.push_str(&text);
        }
        cause = next.source();
    }
    sentence
}
