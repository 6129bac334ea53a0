//! Filters: a condition over an event, in the Common Expression Language, that a webhook puts on what it gets.
//!
//! Owns the language as far as it is taken, its meaning, and its bounds. `cel` reads the text; [`compile`] checks what was read and
//! turns it into a form of our own, and [`eval`] goes through that form, as an interpreter must be one that counts its steps and can be
//! stopped: a filter is decided before an event is accepted. Does not own what follows from a decision.
//!
//! Invariants:
//! - A filter and its negation divide the events about which it decides: what one lets through the other does not.
//! - A member that an event does not have has no value. What depends on it is undecided, and stays so under negation.
//! - No filter takes more than [`FILTER_STEPS`] over an event, whatever the event is; what is needed in memory is bounded by that.

mod compile;
mod eval;
pub mod order;
mod value;

use postrider_core::event::EventKey;
use postrider_core::limits::{FILTER_CHARS, FILTER_DEPTH, FILTER_NESTING, FILTER_NODES, FILTER_PATTERNS, FILTER_STEPS};
use postrider_core::source::Source;
use postrider_core::{EnvironmentId, EventId, Timestamp};

pub use eval::Decision;
pub use value::{Subject, SubjectError};

/// A filter that was checked.
#[derive(Debug)]
pub struct Filter {
    root: compile::Node,
    /// Variables that macros bind within one another.
    slots: usize,
}

/// Why a text cannot be a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Nothing there.
    #[error("is empty; leave the filter out, or null, to take every event")]
    Empty,
    /// Too long.
    #[error("has at most {FILTER_CHARS} characters")]
    TooLong,
    /// It cannot be read.
    #[error("cannot be read at line {line}, column {column}: {message}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What is wrong, as the parser says it.
        message: String,
    },
    /// Too many parts.
    #[error("has at most {FILTER_NODES} names, values, operators and calls")]
    TooLarge,
    /// Too deep.
    #[error("has at most {FILTER_DEPTH} levels within one another")]
    TooDeep,
    /// Too many macros within one another.
    #[error("has at most {FILTER_NESTING} of all, exists, exists_one, filter and map within one another")]
    TooNested,
    /// A name of nothing.
    #[error("`{0}` is not known; a filter can speak of event, user, tenant, context and payload")]
    UnknownName(String),
    /// A function that there is not.
    #[error(
        "there is no function `{0}`; there are has, size, contains, startsWith, endsWith, matches, lowerAscii, upperAscii, \
         int, double, string, timestamp, all, exists, exists_one, filter and map"
    )]
    UnknownFunction(String),
    /// A function with other arguments than it takes.
    #[error("`{function}` is written {form}")]
    Arguments {
        /// Its name.
        function: String,
        /// How it is written.
        form: &'static str,
    },
    /// A part of the language that is not taken.
    #[error("{0} cannot be used in a filter")]
    Unsupported(&'static str),
    /// A pattern that cannot be matched.
    #[error("the pattern `{pattern}` cannot be used: {message}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why.
        message: String,
    },
    /// Too many patterns.
    #[error("has at most {FILTER_PATTERNS} patterns")]
    TooManyPatterns,
    /// It can never be true or false.
    #[error("is a condition: its value is true or false")]
    NotACondition,
}

impl Filter {
    /// Reads a filter.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let (root, slots) = compile::filter(text)?;
        Ok(Self { root, slots })
    }

    /// The filter that a stored text is; read once.
    pub fn of(source: &Source) -> Result<&Self, FilterError> {
        match source.made(Self::parse) {
            Some(filter) => filter.as_ref().map_err(Clone::clone),
            None => Err(FilterError::Unsupported("what is kept as something else")),
        }
    }

    /// Whether somebody may write that filter now. One that was stored before there was a bound on macros within one another is decided as
    /// ever.
    pub fn check(source: &Source) -> Result<(), FilterError> {
        if Self::of(source)?.slots > FILTER_NESTING { Err(FilterError::TooNested) } else { Ok(()) }
    }

    /// Whether the filter lets that event through, and what it took to tell.
    pub fn decide(&self, subject: &Subject<'_>) -> Decision {
        eval::decide(&self.root, self.slots, subject, FILTER_STEPS)
    }
}

/// What filters see of an event beside its body.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// `event.id`.
    pub id: EventId,
    /// `event.key`.
    pub key: &'a EventKey,
    /// `event.environmentId`.
    pub environment_id: EnvironmentId,
    /// `event.tenantId`, and `tenant.id` where the payload has none.
    pub tenant_id: Option<&'a str>,
    /// `event.userId`, and `user.id` where the payload has none.
    pub user_id: Option<&'a str>,
    /// `event.applicationId`.
    pub application_id: Option<&'a str>,
    /// `event.occurredAt`.
    pub occurred_at: Option<Timestamp>,
    /// `event.acceptedAt`.
    pub accepted_at: Timestamp,
}

#[cfg(test)]
mod tests;
