//! What is wrong with a configuration, told all at once.

use std::fmt;

use super::nearest_key;
use super::setting::setting;

/// One thing that is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Problem {
    /// The key, or the file where the file itself is at fault.
    pub(crate) key: String,
    /// What is wrong and what to do.
    pub(crate) message: String,
    #[serde(skip)]
    extent: Extent,
}

/// How much a problem keeps from being known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// The value of its key.
    Key,
    /// Whatever the file says.
    File,
    /// Nothing: the value is right, and this machine does not go with it, at least for the moment.
    Machine,
}

/// Everything that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn add(&mut self, key: impl fmt::Display, message: impl Into<String>) {
        self.0.push(Problem { key: key.to_string(), message: message.into(), extent: Extent::Key });
    }

    /// Adds why this machine does not go with a value.
    pub(super) fn add_of_machine(&mut self, key: impl fmt::Display, message: impl Into<String>) {
        self.0.push(Problem { key: key.to_string(), message: message.into(), extent: Extent::Machine });
    }

    /// Whether another try may find none of them: all are this machine's.
    pub(crate) fn may_pass(&self) -> bool {
        self.0.iter().all(|problem| problem.extent == Extent::Machine)
    }

    /// Adds what is wrong with the file as a whole.
    pub(crate) fn add_of_file(&mut self, path: impl fmt::Display, message: impl Into<String>) {
        self.0.push(Problem { key: path.to_string(), message: message.into(), extent: Extent::File });
    }

    /// Those alone that may hide the value of this key: its own, one of the whole file, and a key that was most likely meant to be it.
    pub(crate) fn retain_about(&mut self, key: &str) {
        self.0.retain(|problem| problem.extent == Extent::File || nearest_key(&problem.key) == Some(key));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "the configuration has a problem:")?,
            count => write!(f, "the configuration has {count} problems:")?,
        }
        for Problem { key, message, .. } in &self.0 {
            match setting(key) {
                Some(setting) => write!(f, "\n  {key} ({}): {message}", setting.variable())?,
                None => write!(f, "\n  {key}: {message}")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
